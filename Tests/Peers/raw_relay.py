#!/usr/bin/env python3
"""A relay that sends bytes as they are, whatever is wrong with them (PyPI websockets).

  raw_relay.py FILE [--port 0]

Each line of FILE is the base64 of what stands where the event of an EVENT message should. A REQ without `since` and
`until` gets every line and then EOSE, each connection anew unless `--once`; any other REQ gets EOSE. Prints
`listening ws://127.0.0.1:<port>`; ends when its standard input does.
"""
import argparse
import asyncio
import base64
import json

import websockets

import peer


async def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("file")
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--once", action="store_true", help="only the first such REQ gets the lines")
    options = parser.parse_args()
    with open(options.file, "rb") as file:
        lines = [base64.b64decode(line) for line in file]
    is_over = False

    async def converse(socket):
        nonlocal is_over
        async for text in socket:
            message = json.loads(text)
            if message[0] != "REQ":
                continue
            name, conditions = json.dumps(message[1]).encode(), message[2:]
            if not is_over and not any("since" in filter or "until" in filter for filter in conditions):
                is_over = options.once
                for line in lines:
                    await socket.send(b'["EVENT",' + name + b"," + line + b"]", text=True)
            await socket.send(b'["EOSE",' + name + b"]", text=True)

    peer.end_with_parent()
    async with websockets.serve(
            converse, "127.0.0.1", options.port, compression=None, max_size=None, ping_interval=None) as server:
        peer.say("listening", "ws://127.0.0.1:%d" % server.sockets[0].getsockname()[1])
        await server.serve_forever()


asyncio.run(main())
