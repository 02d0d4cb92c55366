"""``python -m workbench.chat.engine``: the chat engine, speaking its protocol over pipes."""

from __future__ import annotations

import os
import sys

from workbench.chat.engine.engine import Engine


def main() -> None:
    """Keep a private copy of stdout for the protocol and point fd 1 to the log.

    What native code or a library prints then lands in the log instead of between two messages.
    """
    replies = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    requests = os.fdopen(os.dup(0), "rb")
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    sys.stdout = sys.stderr
    Engine(requests, replies).run()


if __name__ == "__main__":
    main()
