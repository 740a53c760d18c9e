#!/usr/bin/env python3
"""Asks a relay for all it holds, with nothing of ours: PyPI websockets and ten lines of paging.

  ask.py ws://127.0.0.1:<port> ANSWER.jsonl --ids FILE.jsonl

Pages back from the newest event to an empty page, then asks once more for each id of FILE, and writes each event that
the relay served, once. Both ways must lead to the same events, or it fails: then nobody knows what the relay holds.
"""
import argparse
import asyncio
import json

import websockets

import peer

PAGE = 500
# A second with as many events as this may have been cut. The corpora of the tests have no such second.
DENSE = 100
IDS = 200


class Client:
    def __init__(self, socket):
        self.socket = socket
        self.requests = 0

    async def ask(self, condition):
        self.requests += 1
        name = f"ask-{self.requests}"
        await self.socket.send(json.dumps(["REQ", name, condition]))
        events = []
        while True:
            message = json.loads(await asyncio.wait_for(self.socket.recv(), 30))
            # Some say CLOSED after the EOSE of the request before.
            if message[0] == "NOTICE":
                peer.fail("the relay says", message)
            if len(message) < 2 or message[1] != name:
                continue
            if message[0] == "EVENT":
                events.append(message[2])
            elif message[0] == "EOSE":
                await self.socket.send(json.dumps(["CLOSE", name]))
                return events
            elif message[0] == "CLOSED":
                peer.fail("the relay says", message)


async def pages(client, found):
    until = None
    while True:
        # One relay answers a filter without a condition with nothing.
        condition = {"since": 0, "limit": PAGE} if until is None else {"since": 0, "until": until, "limit": PAGE}
        events = await client.ask(condition)
        if not events:
            return
        oldest = min(event["created_at"] for event in events)
        if sum(1 for event in events if event["created_at"] == oldest) >= DENSE:
            peer.fail("second", oldest, "is too dense for this client")
        fresh = [event for event in events if event["id"] not in found]
        found.update((event["id"], event) for event in fresh)
        # The boundary second again, as long as that brings anything.
        until = oldest if until is None or oldest < until else oldest - 1
        if until < 0:
            return


async def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("url")
    parser.add_argument("answer")
    parser.add_argument("--ids", required=True)
    options = parser.parse_args()
    with open(options.ids, encoding="utf-8", newline="\n") as file:
        ids = [json.loads(line)["id"] for line in file]
    paged, named = {}, {}
    async with websockets.connect(options.url, max_size=None, compression=None, ping_interval=None) as socket:
        client = Client(socket)
        await pages(client, paged)
        for start in range(0, len(ids), IDS):
            events = await client.ask({"ids": ids[start:start + IDS], "limit": PAGE})
            named.update((event["id"], event) for event in events)
    if paged != named:
        peer.fail("pages held", len(paged), "and ids", len(named), "events;",
                  "only paged", sorted(paged.keys() - named.keys())[:10],
                  "only by id", sorted(named.keys() - paged.keys())[:10])
    with open(options.answer, "w", encoding="utf-8", newline="\n") as file:
        for event in paged.values():
            file.write(json.dumps(event, ensure_ascii=False, separators=(",", ":")) + "\n")
    peer.say("served", len(paged), "requests", client.requests)


asyncio.run(main())
