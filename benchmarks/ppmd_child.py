"""PPMd (7-Zip's, variant H) beside Ingot, in an environment of its own: bits of texts after the training text was read.

    python ppmd_child.py TRAINING ORDER < texts.json     a JSON list of texts in, a JSON list of bits out

The coder reads the training text once. Each text is then coded by a fork of the process, which has that memory and
learns nothing from the other texts; what it writes more than a fork that codes nothing is the text's share.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import pyppmd  # type: ignore[import-not-found]  # only in the environment this child runs in

MEMORY_BYTES = 1 << 30


def main() -> None:
    training, order = Path(sys.argv[1]).read_bytes(), int(sys.argv[2])
    texts = [text.encode() for text in json.load(sys.stdin)]
    encoder = pyppmd.Ppmd7Encoder(order, MEMORY_BYTES)
    encoder.encode(training)
    nothing = coded(encoder, b"")
    print(json.dumps([8 * (coded(encoder, text) - nothing) for text in texts]))


def coded(encoder: pyppmd.Ppmd7Encoder, text: bytes) -> int:
    """Return the bytes that a fork of this process writes for a text and its end."""
    reader, writer = os.pipe()
    child = os.fork()
    if not child:
        size = len(encoder.encode(text) if text else b"") + len(encoder.flush())
        os.write(writer, str(size).encode())
        os._exit(0)
    os.close(writer)
    with os.fdopen(reader) as told:
        size = int(told.read())
    os.waitpid(child, 0)
    return size


if __name__ == "__main__":
    main()
