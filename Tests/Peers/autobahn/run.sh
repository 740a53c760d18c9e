#!/bin/sh
# Runs the Autobahn suite (autobahntestsuite 25.10.1) against our WebSocket client, on loopback only.
#
#   run.sh PATH-OF-autobahn-client [PORT]
#
# Needs Python 2.7: AUTOBAHN_PYTHON, or a pyenv that has one, or python2.7 in PATH. Where there is none it says "skipped"
# and succeeds. The suite is installed once into a virtual environment in AUTOBAHN_HOME (default .build/autobahn).
# Fails if any case of sections 1 to 7, 9 and 10 is neither OK, NON-STRICT nor INFORMATIONAL.
set -eu

client=${1:?usage: run.sh PATH-OF-autobahn-client [PORT]}
port=${2:-9101}
here=$(cd "$(dirname "$0")" && pwd)
home=${AUTOBAHN_HOME:-$here/../../../.build/autobahn}

client=$(cd "$(dirname "$client")" && pwd)/$(basename "$client")
[ -x "$client" ] || { echo "autobahn: no client at $client: swift build -c release --product autobahn-client"; exit 1; }

works() { "$@" -c 'import sys; sys.exit(sys.version_info[:2] != (2, 7))' 2>/dev/null; }
python=${AUTOBAHN_PYTHON:-}
if [ -z "$python" ] && command -v python2.7 >/dev/null && works python2.7; then python=$(command -v python2.7); fi
if [ -z "$python" ]; then
    for candidate in "${PYENV_ROOT:-$HOME/.pyenv}"/versions/2.7*/bin/python2.7; do
        if [ -x "$candidate" ] && works "$candidate"; then python=$candidate; fi
    done
fi
[ -n "$python" ] || { echo "autobahn: skipped: the suite needs Python 2.7, and there is none here"; exit 0; }

mkdir -p "$home"
if [ ! -x "$home/venv/bin/python" ]; then
    if ! { "$python" -m pip install --quiet --user virtualenv && "$python" -m virtualenv --quiet "$home/venv"; } \
        >"$home/install.log" 2>&1; then
        rm -rf "$home/venv"
        echo "autobahn: skipped: no virtual environment for Python 2.7, see $home/install.log"
        exit 0
    fi
fi
if ! "$home/venv/bin/python" -c 'import autobahntestsuite' 2>/dev/null; then
    if ! "$home/venv/bin/python" -m pip install --quiet autobahntestsuite==25.10.1 >"$home/install.log" 2>&1; then
        echo "autobahn: skipped: autobahntestsuite cannot be installed, see $home/install.log"
        exit 0
    fi
fi

run=$home/run
rm -rf "$run" && mkdir -p "$run" && cd "$run"
sed "s/:9101/:$port/" "$here/autobahn.json" >autobahn.json
"$home/venv/bin/python" "$here/autobahn_server.py" -m fuzzingserver -s autobahn.json -u 0 >server.log 2>&1 &
server=$!
trap 'kill $server 2>/dev/null || true' EXIT INT TERM

tries=0
until grep -qs 'Ok, will run' server.log; do
    tries=$((tries + 1))
    [ $tries -lt 100 ] && kill -0 $server 2>/dev/null || { cat server.log; exit 1; }
    sleep 0.2
done
"$client" "ws://127.0.0.1:$port"

"$home/venv/bin/python" "$here/summary.py" reports/index.json
