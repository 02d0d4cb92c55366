"""Exchanges as Markdown, to read or to paste; answers stay as they were generated."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from workbench.core.sanitize import visible

if TYPE_CHECKING:
    from collections.abc import Iterable

    from workbench.chat.protocol import ProofState, Sampling
    from workbench.chat.transcripts import AnswerRecord, ExchangeRecord

_PROOFS: dict[ProofState, str] = {
    "proven": "base proven",
    "refuted": "base refuted: it is not the model that the run started from",
    "missing": "base not proven",
}


def as_markdown(record: ExchangeRecord, title: str) -> str:
    """Format one exchange: its settings, the prompt, and each lane's answer.

    Texts are fenced so that nothing in them is read as Markdown, and control characters are made
    visible.
    """
    parts = [f"## {title}", _settings(record), *_prompts(record), *_answers(record)]
    return "\n\n".join(parts) + "\n"


def fenced(text: str) -> str:
    """Put ``text`` into a fence longer than any run of backticks in it."""
    longest = max(map(len, re.findall("`+", text)), default=0)
    fence = "`" * max(3, longest + 1)
    return f"{fence}text\n{visible(text)}\n{fence}"


def _settings(record: ExchangeRecord) -> str:
    facts = (
        record.when,
        f"turn {record.turn}",
        _decoding(record.sampling),
        f"at most {record.max_tokens} tokens",
        _PROOFS[record.proof],
    )
    return f"*{' · '.join(facts)}*"


def _decoding(sampling: Sampling) -> str:
    if sampling.temperature == 0:
        return "greedy"
    return f"temperature {sampling.temperature:g}, top-p {sampling.top_p:g}, seed {sampling.seed}"


def _prompts(record: ExchangeRecord) -> Iterable[str]:
    if record.system:
        yield from ("**system**", fenced(record.system))
    yield from ("**prompt**", fenced(record.prompt))


def _answers(record: ExchangeRecord) -> Iterable[str]:
    for lane, answer in record.answers.items():
        yield from (f"**{_heading(record, lane)}** · {_timings(answer)}", fenced(answer.text))
    if record.error:
        yield f"An answer is missing: {visible(record.error)}."


def _heading(record: ExchangeRecord, lane: str) -> str:
    model = f" · {visible(record.models[lane])}" if lane in record.models else ""
    strength = f" · strength {record.strengths[lane]:g}" if lane in record.strengths else ""
    return f"{lane}{model}{strength}"


def _timings(answer: AnswerRecord) -> str:
    facts = [f"{answer.tokens} tokens in {answer.seconds:.2f} s"]
    facts.append(f"first token {answer.first_token_seconds:.2f} s")
    if answer.finish != "stop":
        facts.append(f"ended by: {answer.finish}")
    return " · ".join(facts)
