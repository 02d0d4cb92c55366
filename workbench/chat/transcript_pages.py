"""Exchanges as Markdown, for a person to read or to paste; what a model said stays as it was."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from workbench.core.sanitize import visible

if TYPE_CHECKING:
    from collections.abc import Iterable

    from workbench.chat.protocol import ProofState, Sampling
    from workbench.chat.transcripts import Record, Said

_PROOFS: dict[ProofState, str] = {
    "proven": "base proven",
    "refuted": "base refuted: it is not the model that the run started from",
    "missing": "base not proven",
}


def as_markdown(record: Record, title: str) -> str:
    """Write one exchange: how it was asked, the prompt, and each lane's answer.

    Texts stand in fences, so that nothing in them is taken for Markdown, and control characters
    are replaced by something to see.
    """
    return "\n\n".join([f"## {title}", _facts(record), *_texts(record), *_lanes(record)]) + "\n"


def fenced(text: str) -> str:
    """Put ``text`` into a fence that no run of backticks in it can close."""
    longest = max(map(len, re.findall("`+", text)), default=0)
    fence = "`" * max(3, longest + 1)
    return f"{fence}text\n{visible(text)}\n{fence}"


def _facts(record: Record) -> str:
    facts = (
        record.when,
        f"turn {record.turn}",
        _decoding(record.sampling),
        f"{record.max_tokens} tokens at most",
        _PROOFS[record.proof],
    )
    return f"*{' · '.join(facts)}*"


def _decoding(sampling: Sampling) -> str:
    if sampling.temperature == 0:
        return "greedy"
    return f"temperature {sampling.temperature:g}, top-p {sampling.top_p:g}, seed {sampling.seed}"


def _texts(record: Record) -> Iterable[str]:
    if record.system:
        yield from ("**system**", fenced(record.system))
    yield from ("**prompt**", fenced(record.prompt))


def _lanes(record: Record) -> Iterable[str]:
    for lane, said in record.answers.items():
        yield from (f"**{_lane(record, lane)}** · {_speed(said)}", fenced(said.text))
    if record.trouble:
        yield f"An answer is missing: {visible(record.trouble)}."


def _lane(record: Record, lane: str) -> str:
    model = f" · {visible(record.models[lane])}" if lane in record.models else ""
    strength = f" · strength {record.strengths[lane]:g}" if lane in record.strengths else ""
    return f"{lane}{model}{strength}"


def _speed(said: Said) -> str:
    facts = [f"{said.tokens} tokens in {said.seconds:.2f} s"]
    facts.append(f"first token {said.first_token_seconds:.2f} s")
    if said.finish != "stop":
        facts.append(f"ended by: {said.finish}")
    return " · ".join(facts)
