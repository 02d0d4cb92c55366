"""How answers look when they are compared: words of their own, and steps of surprise."""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual.content import Content

from workbench.chat.differences import own_words
from workbench.chat.surprise import parting, stretches
from workbench.core.sanitize import visible

if TYPE_CHECKING:
    from collections.abc import Sequence

    from workbench.chat.annotations import Judgement
    from workbench.chat.protocol import Piece
    from workbench.chat.surprise import Scale

OWN = "bold underline"
STEPS = ("", "underline", "bold underline $text-warning", "bold reverse $text-error")
"""Each step is another mark as well as another colour, for terminals that have few or none."""

MARKS: dict[Judgement, tuple[str, str]] = {
    "kept": ("= kept", "$text-success"),
    "lost": ("▼ lost", "$text-error"),
    "improved": ("▲ improved", "$text-accent"),
}
_LONGEST = 24
"""Characters of a token that are named in a line."""


def differences(answer: str, other: str) -> Content:
    """Mark the words of ``answer`` that ``other`` does not have, and let the rest step back."""
    spans = own_words(visible(answer.strip()), visible(other.strip()))
    return Content.assemble(*((span.text, OWN if span.own else "dim") for span in spans))


def weighed(pieces: Sequence[Piece], scale: Scale) -> Content:
    """Colour an answer token by token."""
    return Content.assemble(
        *((_shown(stretch.text), STEPS[stretch.step]) for stretch in stretches(pieces, scale))
    )


def told(pieces: Sequence[Piece], scale: Scale) -> Content:
    """Name the worst token, and say what the marks mean."""
    worst = parting(pieces, scale)
    if worst is None:
        return Content.assemble("they do not part here", "   ", _legend(scale))
    token = _named(worst.text)
    return Content.assemble(
        "parts here: ", (token, STEPS[-1]), f" {_value(worst.value, scale)}   ", _legend(scale)
    )


def marked(mark: Judgement, *, blind: bool) -> Content:
    """Say how an answer was judged."""
    return Content.assemble(MARKS[mark], ", judged blind" if blind else "")


def _legend(scale: Scale) -> Content:
    steps = zip(STEPS[1:], scale.steps, strict=True)
    marks = Content(" ").join([Content.styled(f"≥{start:g}", look) for look, start in steps])
    return Content.assemble(f"{scale.title}, nats ", marks)


def _value(value: float, scale: Scale) -> str:
    sign = "+" if scale.measure == "surprise" else ""
    return f"{value:{sign}.1f} nats"


def _named(token: str) -> str:
    """A token in a line of text."""
    if not token:
        return "the end of the answer"
    if not token.strip():
        return "a new line" if "\n" in token else "a space"
    short = visible(token.strip())
    return f"'{short[:_LONGEST]}…'" if len(short) > _LONGEST else f"'{short}'"


def _shown(text: str) -> str:
    """Tokens of an answer, a line break that is nothing else made visible."""
    return visible(text) if text.strip() else text.replace("\n", "↵\n")
