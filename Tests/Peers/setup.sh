#!/bin/sh
# Makes the virtual environment with the relays and clients that nobody here wrote, and with the PostgreSQL that has pgvector:
# once, a second run is a glance.
#
#   Tests/Peers/setup.sh
#
# It is at PEERS_VENV, or else beside this file in .venv, which git ignores. Where there is no Python 3.10 or newer, or no
# way to the package index, it says so and succeeds: the tests that need any of it then say that they are skipped.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
venv=${PEERS_VENV:-$here/.venv}
wanted=$here/requirements.txt
# Written last: an environment without it, or with another list in it, is not ready.
ready=$venv/ready

if [ -x "$venv/bin/python" ] && cmp -s "$wanted" "$ready"; then
    echo "peers: ready in $venv"
    exit 0
fi

is_new_enough() { "$1" -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 10))' 2>/dev/null; }
python=
for candidate in "${PEERS_PYTHON:-}" python3 python3.13 python3.12 python3.11 python3.10; do
    if [ -n "$candidate" ] && command -v "$candidate" >/dev/null && is_new_enough "$candidate"; then
        python=$candidate
        break
    fi
done
if [ -z "$python" ]; then
    echo "peers: skipped: there is no Python 3.10 or newer with venv here"
    exit 0
fi

log=$(mktemp)
trap 'rm -f "$log"' EXIT
rm -rf "$venv"
if ! { "$python" -m venv "$venv" && "$venv/bin/python" -m pip install --quiet --no-compile --disable-pip-version-check \
    --retries 1 --timeout 15 --no-deps --requirement "$wanted"; } >"$log" 2>&1; then
    tail -n 3 "$log"
    rm -rf "$venv"
    echo "peers: skipped: the packages of requirements.txt cannot be installed"
    exit 0
fi
cp "$wanted" "$ready"
echo "peers: installed in $venv"
