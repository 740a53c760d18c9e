#!/usr/bin/env python3
"""nostr-relay 1.14 (PyPI) on loopback, over SQLite, with the events of a JSONL file.

  relay_nostr_relay.py --db DIR [--load FILE.jsonl] [--port 0]

Prints `listening ws://127.0.0.1:<port>` once it answers; ends when its standard input does, and takes its server along.
It loads some 280 events a second, hands out 6,000 a REQ, and nothing to a REQ without a condition.
"""
import argparse
import os
import signal
import socket
import subprocess
import sys
import time

import peer

CONFIGURATION = """
DEBUG: false
relay_name: nostr-relay
storage:
  sqlalchemy.url: sqlite+aiosqlite:///{directory}/relay.sqlite3
  num_concurrent_reqs: 10
  num_concurrent_adds: 2
  validators:
    - nostr_relay.validators.is_not_too_large
    - nostr_relay.validators.is_signed
verification:
  nip05_verification: disabled
gunicorn:
  bind: 127.0.0.1:{port}
  workers: 1
  loglevel: warning
authentication:
  enabled: false
subscription_limit: 32
max_limit: 6000
"""

parser = argparse.ArgumentParser()
parser.add_argument("--port", type=int, default=0)
parser.add_argument("--db", required=True)
parser.add_argument("--load")
options = parser.parse_args()
port = options.port or peer.free_port()
os.makedirs(options.db, exist_ok=True)
configuration = os.path.join(options.db, "nostr_relay.yaml")
with open(configuration, "w", encoding="utf-8") as file:
    file.write(CONFIGURATION.format(directory=os.path.abspath(options.db), port=port))
program = [os.path.join(os.path.dirname(sys.executable), "nostr-relay"), "-c", configuration]
running = None


def start(*arguments):
    # A group of its own, since the server has workers.
    return subprocess.Popen(
        program + list(arguments), cwd=options.db, stdin=subprocess.DEVNULL, stdout=sys.stderr, stderr=sys.stderr,
        start_new_session=True)


def stop():
    if running and running.poll() is None:
        os.killpg(running.pid, signal.SIGKILL)


peer.end_with_parent(clean_up=stop)
for arguments in [["alembic", "upgrade", "head"]] + ([["load", options.load]] if options.load else []):
    running = start(*arguments)
    if running.wait() != 0:
        peer.fail("nostr-relay", *arguments, "failed")
running = start("serve")
while True:
    if running.poll() is not None:
        peer.fail("nostr-relay serve ended with", running.returncode)
    try:
        socket.create_connection(("127.0.0.1", port), 1).close()
        break
    except OSError:
        time.sleep(0.05)
peer.say("listening", f"ws://127.0.0.1:{port}")
status = running.wait()
peer.fail("nostr-relay serve ended with", status)
