#!/usr/bin/env bash
# Builds Helm itself, once, into the cache, for the tests of the chart. Prints the program's path last.
#
#   tests/cluster/helm/build.sh           build if it is not there yet
#   tests/cluster/helm/build.sh --where   only print where it is or would be
#
# Its Kubernetes modules are those of the control plane (../gomod), compiled in the same way, so that Go compiles them once:
# after the control plane it takes about a minute of CPU. The version stands in go.mod.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
say() { echo "helm: $*" >&2; }
digest() { if command -v sha256sum >/dev/null; then sha256sum; else shasum -a 256; fi | cut -c1-16; }

cache=${MIDWATCH_CACHE_DIR:-${XDG_CACHE_HOME:-$HOME/.cache}/midwatch}/helm
target=$cache/$(cat "$here/go.mod" "$here/go.sum" "$here/build.sh" | digest)/helm

if [ "${1:-}" = --where ]; then echo "$target"; exit 0; fi
[ $# -eq 0 ] || { say "unknown argument '$1'; usage: build.sh [--where]"; exit 1; }
if [ -x "$target" ]; then echo "$target"; exit 0; fi
command -v go >/dev/null || { say "go is not installed: install Go 1.24 or newer"; exit 1; }

mkdir -p "$(dirname "$target")"
if command -v flock >/dev/null; then
  exec 9>"$cache/build.lock"
  flock 9
  if [ -x "$target" ]; then echo "$target"; exit 0; fi
fi
say "compiling $(sed -n 's|.*helm.sh/helm/\(v3 v[0-9.]*\).*|\1|p' "$here/go.mod" | tail -n 1); the first time this takes a few minutes"
cd "$here"
building=$(mktemp "$target.XXXXXX")
trap 'rm -f "$building"' EXIT
export GOWORK=off GOFLAGS=-mod=readonly CGO_ENABLED=0 GOTOOLCHAIN="${GOTOOLCHAIN:-local}"
go build -trimpath -ldflags "-s -w" -o "$building" helm.sh/helm/v3/cmd/helm >&2
chmod 755 "$building"
mv "$building" "$target"
trap - EXIT
say "built in $SECONDS s"
echo "$target"
