#!/usr/bin/env bash
# A whole life in a minute: a relay with a made-up social network, the daemon, a private PostgreSQL, the ledger.
set -euo pipefail
cd "$(dirname "$0")/../.."

bin=.build/release
state=${DEMO_STATE:-$(mktemp -d /tmp/nostr-ingest-demo.XXXXXX)}
events=${DEMO_EVENTS:-20000}
pids=()
stop() {
  for pid in "${pids[@]:-}"; do kill "$pid" 2>/dev/null || true; done
  for pid in "${pids[@]:-}"; do wait "$pid" 2>/dev/null || true; done
}
trap stop EXIT

say() { printf '\n\033[1m%s\033[0m\n' "$*"; }

# Waits until a command succeeds, at most so many seconds.
until_ok() {
  local limit=$((SECONDS + $1)); shift
  until "$@" >/dev/null 2>&1; do
    [ "$SECONDS" -lt "$limit" ] || { echo "gave up waiting for: $*" >&2; exit 1; }
    sleep 0.2
  done
}

say "1. A relay with $events signed events that caps its answers at 300 and says so to nobody"
start=$(( $(date +%s) - 20 * 86400 ))
"$bin/relay-world" serve --seed 7 --events "$events" --start "$start" --span $((19 * 86400)) --silent-cap 300 \
  --live-rate 20 >"$state/relay.log" 2>"$state/relay.err" &
pids+=($!)
until_ok 60 grep -q '^listening ' "$state/relay.log"
relay=$(sed -n 's/^listening //p' "$state/relay.log")
echo "   $relay"

say "2. The daemon, with a private PostgreSQL in $state"
port=${DEMO_PORT:-19464}
"$bin/nostr-ingest" run --primary "$relay" --allow-private --state-dir "$state/cluster" \
  --health-listen "127.0.0.1:$port" --config Tests/Demo/demo.yaml >"$state/daemon.log" 2>&1 &
pids+=($!)
until_ok 120 "$bin/nostr-ingest" health --url "http://127.0.0.1:$port"
until_ok 300 sh -c "$bin/nostr-ingest status --json --config Tests/Demo/demo.yaml --primary $relay --allow-private \
  --state-dir $state/cluster --health-listen 127.0.0.1:$port | grep -q '\"state\" *: *\"live\"'"

say "3. What the cache holds, and what of it is proven"
"$bin/nostr-ingest" status --picture --config Tests/Demo/demo.yaml --primary "$relay" --allow-private \
  --state-dir "$state/cluster" --health-listen "127.0.0.1:$port"

say "4. Health"
"$bin/nostr-ingest" health --url "http://127.0.0.1:$port" || true

say "5. How to look further"
socket=$(sed -n 5p "$state/cluster/data/postmaster.pid" 2>/dev/null || true)
cat <<TXT
   make run                                   the same against the public relays of config/nostr-ingest.yaml
   curl http://127.0.0.1:9464/metrics         counters, while the daemon runs
   .build/release/nostr-ingest --help         backfill, status, migrate, check-config, health
   psql -h ${socket:-SOCKET} -U nostr postgres          the cache itself, while the daemon runs; try
     SELECT kind, count(*) FROM nostr_events GROUP BY kind ORDER BY 2 DESC;
     SELECT * FROM nostr_events_text WHERE subclaw IS NOT NULL ORDER BY created_at DESC LIMIT 5;
     SELECT covered, last_proof FROM nostr_coverage;
   rm -r $state      when you are done
TXT
