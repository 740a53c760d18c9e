#!/usr/bin/env python3
"""The LocalRelay of rust-nostr (PyPI nostr-sdk) on loopback, over LMDB, with the events of a JSONL file.

  relay_nostr_sdk.py --db DIR [--load FILE.jsonl] [--port 0] [--max-reqs 500] [--notes-per-minute 1000000]

Prints `loaded <lines> saved <events> held <events>` and then `listening ws://127.0.0.1:<port>`; ends when its standard
input does. It hands out 500 events a REQ whatever is asked, and stores none of more than 64 KiB.
"""
import argparse
import asyncio
import time

import nostr_sdk
from nostr_sdk import Event, Filter, LocalRelayBuilder, NostrLmdb, RateLimit

import peer

# Events on their way into the database at once: each waits for a commit of its own.
CONCURRENCY = 512


async def load(database, path):
    start = time.time()
    lines = saved = 0
    batch = []

    async def save():
        nonlocal saved
        results = await asyncio.gather(*batch)
        saved += sum(1 for result in results if result is not None and result.is_success())
        batch.clear()

    with open(path, encoding="utf-8", newline="\n") as file:
        for line in file:
            lines += 1
            batch.append(database.save_event(Event.from_json(line)))
            if len(batch) == CONCURRENCY:
                await save()
    await save()
    peer.say("loaded", lines, "saved", saved, "held", await database.count(Filter()),
             "seconds", round(time.time() - start, 1))


async def main():
    # Without it the relay accepts connections and never answers.
    nostr_sdk.uniffi_set_event_loop(asyncio.get_running_loop())
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--db", required=True)
    parser.add_argument("--load")
    parser.add_argument("--max-reqs", type=int, default=500)
    parser.add_argument("--notes-per-minute", type=int, default=1_000_000)
    options = parser.parse_args()
    peer.end_with_parent()
    database = await NostrLmdb.open(options.db)
    if options.load:
        await load(database, options.load)
    # It does not tell which port it took, so it is given one.
    port = options.port or peer.free_port()
    relay = (
        LocalRelayBuilder().addr("127.0.0.1").port(port).database(database)
        .rate_limit(RateLimit(max_reqs=options.max_reqs, notes_per_minute=options.notes_per_minute)).build()
    )
    await relay.run()
    peer.say("listening", f"ws://127.0.0.1:{port}")
    await asyncio.Event().wait()


asyncio.run(main())
