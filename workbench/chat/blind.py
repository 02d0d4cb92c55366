"""Blind judging: which lane answers behind which letter is drawn anew for every exchange."""

from __future__ import annotations

from random import SystemRandom
from typing import TYPE_CHECKING

from workbench.chat.titles import LANES

if TYPE_CHECKING:
    from random import Random

    from workbench.chat.annotations import Judgement

LETTERS = ("X", "Y")


def deal(random: Random | None = None) -> dict[str, str]:
    """Draw which pane, called by its own lane, shows which lane's answer.

    Args:
        random: Where the draw comes from; the operating system, unless a test wants to know it.
    """
    shown = list(LANES)
    (random or SystemRandom()).shuffle(shown)
    return dict(zip(LANES, shown, strict=True))


def verdict(better: str | None, dealt: dict[str, str]) -> Judgement:
    """What a judgement says of the tuned model.

    Args:
        better: The pane whose answer is better, None where both are as good.
        dealt: Which lane each pane showed.
    """
    if better is None:
        return "kept"
    return "improved" if dealt[better] == "tuned" else "lost"
