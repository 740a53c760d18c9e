#!/usr/bin/env bash
# verify.sh [DIRECTORY]: the units must be silent under 'systemd-analyze verify' and score at most 2.0 under 'security'.
#
# verify exits 0 on misspelt keys and only prints them, so silence is what is required. It also wants the programs and
# systemd's own units to exist: a tree with both is made from this machine's.
set -euo pipefail
cd "${1:-$(dirname "$0")}"

if ! command -v systemd-analyze >/dev/null; then
    echo "systemd-analyze is not installed; the units are not verified" >&2
    exit 0
fi

tree=$(mktemp -d)
trap 'rm -rf "$tree"' EXIT
mkdir -p "$tree/usr/lib/systemd/system" "$tree/usr/bin" "$tree/etc/systemd/system"
for unit in /usr/lib/systemd/system /lib/systemd/system; do
    [ -d "$unit" ] && cp -r "$unit/." "$tree/usr/lib/systemd/system/"
done
for program in nostr-ingest control-plane; do
    printf '#!/bin/sh\n' >"$tree/usr/bin/$program"
    chmod +x "$tree/usr/bin/$program"
done
cp ./*.service "$tree/usr/lib/systemd/system/"

failed=0
for unit in *.service; do
    said=$(systemd-analyze verify --man=no --root="$tree" "$unit" 2>&1 || echo "exit status $?")
    if [ -n "$said" ]; then
        printf '%s: systemd-analyze verify said:\n%s\n' "$unit" "$said" >&2
        failed=1
    fi
    if report=$(systemd-analyze security --no-pager --offline=true --threshold=20 "$PWD/$unit" 2>&1); then
        printf '%s: %s\n' "$unit" "$(printf '%s\n' "$report" | tail -n 1)"
    else
        printf '%s: too much exposure:\n%s\n' "$unit" "$report" >&2
        failed=1
    fi
done
exit "$failed"
