"""How compared answers look: words that only one of them has, and tokens by surprise."""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual.content import Content

from workbench.chat.differences import unique_words
from workbench.chat.surprise import peak, segments
from workbench.core.sanitize import visible

if TYPE_CHECKING:
    from collections.abc import Sequence

    from workbench.chat.annotations import Judgement
    from workbench.chat.protocol import TokenScore
    from workbench.chat.surprise import Scale

_UNIQUE = "bold underline"
_STEPS = ("", "underline", "bold underline $text-warning", "bold reverse $text-error")
"""Each step differs in more than colour, for terminals that have few colours or none."""

_JUDGEMENTS: dict[Judgement, tuple[str, str]] = {
    "kept": ("= kept", "$text-success"),
    "lost": ("▼ lost", "$text-error"),
    "improved": ("▲ improved", "$text-accent"),
}
_LONGEST_TOKEN = 24
"""Characters of a token that are quoted in a line."""


def differences(answer: str, other: str) -> Content:
    """Mark the words of ``answer`` that ``other`` does not have, and dim the rest."""
    spans = unique_words(visible(answer.strip()), visible(other.strip()))
    return Content.assemble(*((span.text, _UNIQUE if span.unique else "dim") for span in spans))


def token_scores(scores: Sequence[TokenScore], scale: Scale) -> Content:
    """Colour an answer token by token."""
    return Content.assemble(
        *((_token(segment.text), _STEPS[segment.step]) for segment in segments(scores, scale))
    )


def peak_line(scores: Sequence[TokenScore], scale: Scale) -> Content:
    """Quote the token at which the models differ most, and explain the colours."""
    highest = peak(scores, scale)
    if highest is None:
        return Content.assemble("no divergence in this answer", "   ", _legend(scale))
    return Content.assemble(
        "peak at ",
        (_quoted(highest.text), _STEPS[-1]),
        f" {_nats(highest.value, scale)}   ",
        _legend(scale),
    )


def judgement(judged: Judgement, *, blind: bool) -> Content:
    """The user's judgement of an answer."""
    return Content.assemble(_JUDGEMENTS[judged], ", judged blind" if blind else "")


def _legend(scale: Scale) -> Content:
    steps = zip(_STEPS[1:], scale.steps, strict=True)
    samples = Content(" ").join([Content.styled(f"≥{start:g}", style) for style, start in steps])
    return Content.assemble(f"{scale.title}, nats ", samples)


def _nats(value: float, scale: Scale) -> str:
    sign = "+" if scale.measure == "surprise" else ""
    return f"{value:{sign}.1f} nats"


def _quoted(token: str) -> str:
    if not token:
        return "the end of the answer"
    if not token.strip():
        return "a line break" if "\n" in token else "a space"
    text = visible(token.strip())
    return f"'{text[:_LONGEST_TOKEN]}…'" if len(text) > _LONGEST_TOKEN else f"'{text}'"


def _token(text: str) -> str:
    """A token as shown; one that is only a line break becomes visible."""
    return visible(text) if text.strip() else text.replace("\n", "↵\n")
