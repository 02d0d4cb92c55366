"""Asking ``ftwb`` in a process of its own: what needs a tokenizer never runs in the TUI."""

from __future__ import annotations

import asyncio
import json
import sys
from typing import Any

from workbench.core.errors import FtwbError


async def read_json(*words: str, text: str = "") -> dict[str, Any]:
    """Run ``ftwb`` with ``words`` and ``text`` on its stdin, and return the JSON it prints.

    Raises:
        FtwbError: It failed; the text is its last line.
    """
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-P", "-m", "workbench", *words),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        output, complaint = await process.communicate(text.encode())
    except asyncio.CancelledError:
        process.kill()
        await process.wait()
        raise
    if process.returncode:
        lines = complaint.decode(errors="replace").strip().splitlines() or ["it gave no reason"]
        raise FtwbError(lines[-1].removeprefix("ftwb: "))
    found: dict[str, Any] = json.loads(output)
    return found
