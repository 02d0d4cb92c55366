"""One check of the doctor and its result."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class Check:
    """The result of a check.

    Attributes:
        name: What was checked.
        state: ``fail`` keeps ftwb from working, ``warn`` makes it work less well.
        message: What was found, as a sentence.
        remedy: What to do about it; empty where nothing has to be done.
    """

    name: str
    state: Literal["ok", "warn", "fail"]
    message: str
    remedy: str = ""
