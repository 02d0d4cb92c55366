"""Runs ``ftwb`` commands in separate processes, because tokenizers never load in the TUI."""

from __future__ import annotations

import asyncio
import json
import sys
from typing import Any

from workbench.core.errors import FtwbError


async def read_json(*arguments: str, text: str = "") -> dict[str, Any]:
    """Run ``ftwb`` with ``text`` on its stdin, and return the JSON object that it prints.

    Raises:
        FtwbError: It failed; the message is the last line of its stderr.
    """
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-P", "-m", "workbench", *arguments),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        stdout, stderr = await process.communicate(text.encode())
    except asyncio.CancelledError:
        process.kill()
        await process.wait()
        raise
    if process.returncode:
        lines = stderr.decode(errors="replace").strip().splitlines()
        reason = lines[-1] if lines else f"ftwb {arguments[0]} exited with {process.returncode}"
        raise FtwbError(reason.removeprefix("ftwb: "))
    answer: dict[str, Any] = json.loads(stdout)
    return answer
