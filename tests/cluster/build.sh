#!/usr/bin/env bash
# Builds the Kubernetes control plane for the cluster tests, once, into the cache. Prints the folder of the binaries last.
#
#   tests/cluster/build.sh           build if it is not there yet
#   tests/cluster/build.sh --where   only print where the binaries are or would be
#
# The folder is named after what decides its content (module, sums, source, this script), so a change builds anew and an
# old checkout still finds its own. From nothing it takes several minutes and 4 GB of Go's own caches; the result is one
# file of 120 MB. The versions stand in gomod/go.mod.
set -euo pipefail

readonly NEWEST_GOOD_GO=1.26

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)

say() { echo "controlplane: $*" >&2; }
die() { say "$*"; exit 1; }
is_older() { [ "$1" != "$2" ] && [ "$(printf '%s\n%s\n' "$1" "$2" | sort -V | head -n 1)" = "$1" ]; }
required() { sed -n "s|^[[:space:]]*$1 v*\([0-9.]*\).*|\1|p" "$here/gomod/go.mod" | head -n 1; }
digest() { if command -v sha256sum >/dev/null; then sha256sum; else shasum -a 256; fi | cut -c1-16; }
answer_if_built() { if [ -x "$target/bin/kube-apiserver" ]; then say "$1"; echo "$target/bin"; exit 0; fi; }

cache=${MIDWATCH_CACHE_DIR:-${XDG_CACHE_HOME:-$HOME/.cache}/midwatch}/controlplane
target=$cache/$(cat "$here/gomod/go.mod" "$here/gomod/go.sum" "$here/gomod/main.go" "$here/build.sh" | digest)

if [ "${1:-}" = --where ]; then echo "$target/bin"; exit 0; fi
[ $# -eq 0 ] || die "unknown argument '$1'; usage: build.sh [--where]"
answer_if_built "already built"

# --- Is there a Go that can do it? -----------------------------------------------------------------------------------
kubernetes=$(required k8s.io/kubernetes)
oldest_go=$(required go)
other_way="or set MIDWATCH_TEST_KUBECONFIG to use another cluster"
command -v go >/dev/null || die "go is not installed: install Go ${oldest_go%.*} to $NEWEST_GOOD_GO, $other_way."
# What Go would do by itself, fetching a newer one, is left to who asks for it by GOTOOLCHAIN=auto.
export GOWORK=off GOFLAGS=-mod=readonly CGO_ENABLED=0 GOTOOLCHAIN="${GOTOOLCHAIN:-local}"
go=$(cd / && GOTOOLCHAIN=local go env GOVERSION | sed 's/^go//; s/[^0-9.].*//')
if [ "$GOTOOLCHAIN" = local ] && is_older "$go" "${oldest_go%.*}"; then
  die "go $go is too old for Kubernetes $kubernetes: install Go ${oldest_go%.*} to $NEWEST_GOOD_GO, $other_way."
fi
if [ "${go%.*}" != "$NEWEST_GOOD_GO" ] && is_older "$NEWEST_GOOD_GO" "${go%.*}"; then
  say "warning: go $go is newer than what was tried ($NEWEST_GOOD_GO); built by 1.27.3, /openapi/v2 answered 503"
fi

# --- One build at a time ---------------------------------------------------------------------------------------------
mkdir -p "$cache"
if command -v flock >/dev/null; then
  exec 9>"$cache/build.lock"
  flock -n 9 || { say "another build is running; waiting for it"; flock 9; }
  answer_if_built "built meanwhile"
  rm -rf "$cache"/.building.* # what a killed build left
fi
building=$(mktemp -d "$cache/.building.XXXXXX")
trap 'rm -rf "$building"' EXIT

# --- Build -----------------------------------------------------------------------------------------------------------
cd "$here/gomod"
say "fetching the modules of Kubernetes $kubernetes and etcd $(required go.etcd.io/etcd/server/v3)"
total=$(go list -deps . | wc -l)
say "compiling up to $total packages with go $go; the first time this takes several minutes"

# Without these the API server calls itself v0.0.0-master, and clients that compare versions believe it.
minor=${kubernetes#1.}
stamp=
for package in k8s.io/component-base/version k8s.io/client-go/pkg/version; do
  for setting in "gitVersion=v$kubernetes" gitMajor=1 "gitMinor=${minor%%.*}" gitTreeState=clean; do
    stamp+=" -X $package.$setting"
  done
done
mkdir "$building/bin"
go build -v -trimpath -ldflags "-s -w$stamp" -o "$building/bin/controlplane" . 2>&1 |
  awk '/^[^ ]+$/ { if (++n % 200 == 0) { print "controlplane: " n " packages compiled"; fflush() } next } { print }' >&2
for component in etcd kube-apiserver kube-controller-manager kube-scheduler; do
  ln -s controlplane "$building/bin/$component"
done

chmod 755 "$building"
mv "$building" "$target"
trap - EXIT
say "built in $SECONDS s: Kubernetes $kubernetes, $(du -sm "$target" | cut -f1) MB in $target"
echo "$target/bin"
