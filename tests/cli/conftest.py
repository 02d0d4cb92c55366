"""Call ``ftwb`` in this process, as the console script does."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, NamedTuple

import pytest

from workbench.cli import main

if TYPE_CHECKING:
    from collections.abc import Callable


class Ended(NamedTuple):
    """What a command left behind."""

    code: int
    out: str
    err: str


@pytest.fixture
def ftwb(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[..., Ended]:
    """Run ``ftwb`` with these arguments and return its exit code, stdout and stderr."""

    def call(*words: object) -> Ended:
        monkeypatch.setattr(sys, "argv", ["ftwb", *map(str, words)])
        with pytest.raises(SystemExit) as left:
            main()
        out, err = capsys.readouterr()
        return Ended(int(left.value.code or 0), out, err)

    return call
