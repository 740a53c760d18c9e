#!/usr/bin/env python3
"""Publishes the events of a JSONL file to a relay, in order, with nothing of ours (PyPI websockets).

  publish.py ws://127.0.0.1:<port> FILE.jsonl

Prints `accepted <events> refused <events>` once the relay has said OK to each.
"""
import argparse
import asyncio
import json
import sys

import websockets

import peer


async def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("url")
    parser.add_argument("file")
    options = parser.parse_args()
    accepted = refused = 0
    async with websockets.connect(options.url, max_size=None, compression=None, ping_interval=None) as socket:
        with open(options.file, encoding="utf-8", newline="\n") as file:
            for line in file:
                await socket.send('["EVENT",' + line.rstrip("\n") + "]")
                while True:
                    message = json.loads(await asyncio.wait_for(socket.recv(), 30))
                    if message[0] == "OK":
                        break
                if message[2]:
                    accepted += 1
                else:
                    refused += 1
                    print(message, file=sys.stderr, flush=True)
    peer.say("accepted", accepted, "refused", refused)


asyncio.run(main())
