"""One thing the doctor looks at, and what it found."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class Check:
    """A finding: ``fail`` keeps ftwb from working, ``warn`` makes it work less well.

    Attributes:
        name: What was looked at.
        state: How it is.
        says: What was found, in a sentence.
        remedy: What to do about it; empty where nothing has to be done.
    """

    name: str
    state: Literal["ok", "warn", "fail"]
    says: str
    remedy: str = ""
