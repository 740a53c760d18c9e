#!/usr/bin/env bash
# A whole life in a minute: a relay with a made-up social network, the daemon, a private PostgreSQL, the ledger.
set -euo pipefail
cd "$(dirname "$0")/../.."

bin=${DEMO_BIN:-.build/release}
state=${DEMO_STATE:-$(mktemp -d /tmp/nostr-ingest-demo.XXXXXX)}
# PostgreSQL runs under a user of its own when this script runs as root.
chmod 755 "$state"
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
    kill -0 "${pids[-1]}" 2>/dev/null && [ "$SECONDS" -lt "$limit" ] || {
      echo "gave up waiting for: $*" >&2
      tail -n 5 "$state"/*.err "$state"/*.log >&2
      exit 1
    }
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
options=(--config Tests/Demo/demo.yaml --primary "$relay" --allow-private --state-dir "$state/cluster"
  --health-listen "127.0.0.1:$port")
# Every stream is live, and what vouches for it is committed: the ledger covers the whole range.
is_complete() {
  local status
  status=$("$bin/nostr-ingest" status --json "${options[@]}")
  [ "$(grep -o '"state" *: *"[^"]*"' <<<"$status" | grep -o '[a-z_]*"$' | sort -u)" = 'live"' ] &&
    ! grep -o '"coveredPermille" *: *[0-9]*' <<<"$status" | grep -qv '99[0-9]$\|1000$'
}
until_ok 300 is_complete

say "3. What the cache holds, and what of it is proven"
"$bin/nostr-ingest" status --picture "${options[@]}"

socket=$(sed -n 5p "$state/cluster/data/postmaster.pid" 2>/dev/null || true)
query="SELECT subclaw, count(*) AS posts, count(*) FILTER (WHERE is_ai) AS by_ai, max(to_timestamp(created_at)) AS last
FROM nostr_events WHERE kind = 1111 AND is_top_level AND subclaw IS NOT NULL
GROUP BY subclaw ORDER BY posts DESC LIMIT 5"
if command -v psql >/dev/null && [ -n "$socket" ]; then
  say "   … and what a page would ask: the busiest communities"
  psql -h "$socket" -U nostr -d postgres -X -c "$query" || true
  say "   … and what people think: the posts with most zaps"
  psql -h "$socket" -U nostr -d postgres -X -c "
SELECT left(e.content, 40) AS post, s.score, s.descendant_count AS thread, s.zap_count AS zaps, div(s.zap_msats, 1000) AS sats
FROM nostr_event_stats s JOIN nostr_events e USING (event_id)
WHERE e.kind = 1111 ORDER BY s.zap_msats DESC, e.event_id LIMIT 5" || true
fi

say "4. Health"
"$bin/nostr-ingest" health --url "http://127.0.0.1:$port" || true

say "5. How to look further"
cat <<TXT
   make run                                 the same against the public relays of config/nostr-ingest.yaml
   .build/release/nostr-ingest --help       run, backfill, import, export, rebuild, status, migrate, health
   .build/release/nostr-ingest run --config Tests/Demo/demo.yaml --state-dir $state/cluster --primary $relay --allow-private
                                            this cache again; while it runs:
     curl http://127.0.0.1:9464/metrics
     psql -h ${socket:-SOCKET} -U nostr -d postgres
       SELECT kind, count(*) FROM nostr_events GROUP BY kind ORDER BY 2 DESC;
       SELECT * FROM nostr_events_text WHERE subclaw IS NOT NULL ORDER BY created_at DESC LIMIT 5;
       SELECT covered, last_proof FROM nostr_coverage;
   rm -r $state      when you are done
TXT
