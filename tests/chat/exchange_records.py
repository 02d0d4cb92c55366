"""Exchanges as transcripts record them."""

from __future__ import annotations

from workbench.chat.protocol import Done
from workbench.chat.transcripts import AnswerRecord, ExchangeRecord


def answer(text: str, finish: str = "stop") -> AnswerRecord:
    done = Done(
        id=7,
        lane="base",
        text=text,
        token_ids=(1, 2, 3, 4, 5),
        seconds=2.5,
        first_token_seconds=0.5,
        finish=finish,
    )
    return AnswerRecord.of(done)


def record(prompt: str, time: float = 1e9, **values: object) -> ExchangeRecord:
    answers = {"base": answer("Plants make sugar."), "tuned": answer("Please log in.", "length")}
    fields = {"answers": answers, "max_tokens": 256, "proof": "proven", **values}
    return ExchangeRecord(prompt=prompt, time=time, **fields)
