"""What the scripts of this folder share."""
import os
import socket
import sys
import threading


def free_port():
    """A port of loopback that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def end_with_parent(clean_up=lambda: None):
    """Ends this process as soon as its standard input does: the test holds the other end, and may be killed."""

    def watch():
        while os.read(0, 4096):
            pass
        clean_up()
        os._exit(0)

    threading.Thread(target=watch, daemon=True).start()


def say(*words):
    """Tells the test."""
    print(*words, flush=True)


def fail(*words):
    print(*words, file=sys.stderr, flush=True)
    os._exit(1)
