#!/usr/bin/env bash
# Builds the Kubernetes control plane for the cluster tests, once, into the cache. Prints the folder of the binaries last.
#
#   tests/cluster/build.sh           build if it is not there yet
#   tests/cluster/build.sh --where   only print where the binaries are or would be
#
# The folder is named after what decides its content (module, sums, source, this script), so a change builds anew and an
# old checkout still finds its own. From nothing: 1 GB of downloads and build cache, and several minutes.
set -euo pipefail

readonly OLDEST_GO=1.24
readonly NEWEST_GOOD_GO=1.26
readonly KUBERNETES=v1.34.4

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
cache=${MIDWATCH_CACHE_DIR:-${XDG_CACHE_HOME:-$HOME/.cache}/midwatch}/controlplane
hash=$(cat "$here/gomod/go.mod" "$here/gomod/go.sum" "$here/gomod/main.go" "$here/build.sh" | sha256sum | cut -c1-16)
target=$cache/$hash

say() { echo "controlplane: $*" >&2; }
die() { say "$*"; exit 1; }
is_older() { [ "$1" != "$2" ] && [ "$(printf '%s\n%s\n' "$1" "$2" | sort -V | head -1)" = "$1" ]; }

if [ "${1:-}" = --where ]; then echo "$target/bin"; exit 0; fi
[ $# -eq 0 ] || die "unknown argument '$1'; usage: build.sh [--where]"
if [ -x "$target/bin/kube-apiserver" ]; then say "already built"; echo "$target/bin"; exit 0; fi

command -v go >/dev/null || die "go is not installed. Install Go $OLDEST_GO to $NEWEST_GOOD_GO, or set MIDWATCH_TEST_KUBECONFIG to use another cluster."
cd "$here/gomod"
export GOWORK=off GOFLAGS=-mod=readonly CGO_ENABLED=0 GOTOOLCHAIN="${GOTOOLCHAIN:-local}"
version=$(GOTOOLCHAIN=local go env GOVERSION | sed 's/^go//; s/[^0-9.].*//')
if [ "$GOTOOLCHAIN" = local ] && is_older "$version" "$OLDEST_GO"; then die "go $version is too old; Kubernetes $KUBERNETES needs Go $OLDEST_GO or newer."; fi
if is_older "$NEWEST_GOOD_GO" "${version%.*}"; then say "warning: go $version is newer than $NEWEST_GOOD_GO; an API server built by 1.27 answered 503 for /openapi/v2."; fi

mkdir -p "$cache"
if command -v flock >/dev/null; then
  exec 9>"$cache/build.lock"
  flock -n 9 || { say "another build is running; waiting for it"; flock 9; }
  if [ -x "$target/bin/kube-apiserver" ]; then say "built meanwhile"; echo "$target/bin"; exit 0; fi
fi

building=$(mktemp -d "$cache/.building.XXXXXX")
trap 'rm -rf "$building"' EXIT
started=$SECONDS
say "downloading the modules of Kubernetes $KUBERNETES and etcd"
total=$(go list -deps . | wc -l)
say "compiling $total packages with go $version; the first time takes several minutes"

# Without these the API server calls itself v0.0.0-master, and clients that compare versions believe it.
stamp=
for package in k8s.io/component-base/version k8s.io/client-go/pkg/version; do
  minor=${KUBERNETES#v1.}
  for setting in "gitVersion=$KUBERNETES" gitMajor=1 "gitMinor=${minor%%.*}" gitTreeState=clean; do stamp+=" -X $package.$setting"; done
done
mkdir "$building/bin"
go build -v -trimpath -ldflags "-s -w$stamp" -o "$building/bin/controlplane" . 2>&1 |
  awk -v total="$total" '/^[^ ]+$/ { if (++n % 100 == 0) { print "controlplane: compiled " n " of at most " total " packages"; fflush() } next } { print; fflush() }' >&2

for component in etcd kube-apiserver kube-controller-manager kube-scheduler; do ln -s controlplane "$building/bin/$component"; done
mv -T "$building" "$target"
trap - EXIT
say "built in $((SECONDS - started)) s, $(du -sm "$target" | cut -f1) MB"
echo "$target/bin"
