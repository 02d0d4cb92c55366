"""The general text that forgetting is measured on is long, mixed, and never trained on."""

from __future__ import annotations

import csv
import io
import json
import re
from collections import Counter
from typing import TYPE_CHECKING, Any

import yaml

from workbench.core import locations
from workbench.data.splitting import load_examples

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

PRESETS = locations.presets()
NGRAM = 8
HELDOUT = PRESETS / "data" / "general_heldout.jsonl"
ROWS: list[dict[str, str]] = [json.loads(line) for line in HELDOUT.read_text("utf-8").splitlines()]


def words(text: str) -> tuple[str, ...]:
    return tuple(re.findall(r"\w+", text.casefold()))


def ngrams(text: str) -> set[tuple[str, ...]]:
    found = words(text)
    return {found[at : at + NGRAM] for at in range(len(found) - NGRAM + 1)}


def strings(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, (dict, list)):
        for part in value.values() if isinstance(value, dict) else value:
            yield from strings(part)


def texts(path: Path) -> Iterator[str]:
    for line in path.read_text("utf-8").splitlines():
        yield from strings(json.loads(line))


def elsewhere() -> list[str]:
    """Every other shipped text to train on or to ask."""
    files = [*(PRESETS / "data").glob("*.jsonl"), *(PRESETS / "probes" / "suites").glob("*.jsonl")]
    return [text for path in files if path != HELDOUT for text in texts(path)]


def test_it_loads_as_conversations_of_one_prompt_and_one_answer() -> None:
    loaded = load_examples("preset:general_heldout")
    assert loaded.empty == ()
    assert len(loaded.rows) == len(ROWS) >= 96
    for example, row in zip(loaded.rows, ROWS, strict=True):
        assert [message.content for message in example.messages] == [row["prompt"], row["answer"]]


def test_kinds_are_many_and_each_part_of_it_holds_them_all() -> None:
    kinds = Counter(row["kind"] for row in ROWS)
    assert len(kinds) == 8
    assert min(kinds.values()) >= 10
    for start in range(0, 96, 32):
        assert {row["kind"] for row in ROWS[start : start + 32]} == set(kinds)


def test_answers_are_of_some_length() -> None:
    lengths = [len(words(row["answer"])) for row in ROWS]
    assert min(lengths) >= 30
    assert max(lengths) <= 110
    assert sum(lengths) >= 6000


def test_it_overlaps_no_training_or_probe_text() -> None:
    texts = elsewhere()
    whole = set(map(words, texts))
    grams = {gram for text in texts for gram in ngrams(text)}
    assert len(grams) > 10_000
    for row in ROWS:
        assert words(row["prompt"]) not in whole
        assert ngrams(row["prompt"]).isdisjoint(grams), row["prompt"]
        assert ngrams(row["answer"]).isdisjoint(grams), row["prompt"]


def test_no_two_rows_share_words() -> None:
    holders = Counter(
        gram for row in ROWS for gram in ngrams(row["prompt"]) | ngrams(row["answer"])
    )
    assert [gram for gram, count in holders.items() if count > 1] == []
    assert len({words(row["prompt"]) for row in ROWS}) == len(ROWS)


def test_the_code_in_python_compiles() -> None:
    blocks = [
        block
        for row in ROWS
        for block in re.findall(r"```python\n(.*?)```", row["answer"], flags=re.DOTALL)
    ]
    assert len(blocks) >= 4
    for block in blocks:
        compile(block, "<answer>", "exec")


def test_the_data_in_other_notations_can_be_read() -> None:
    found: Counter[str] = Counter()
    for row in ROWS:
        for language, block in re.findall(r"```(\w+)\n(.*?)```", row["answer"], flags=re.DOTALL):
            found[language] += 1
            if language == "json":
                json.loads(block)
            elif language == "yaml":
                yaml.safe_load(block)
            elif language == "csv":
                assert len({len(line) for line in csv.reader(io.StringIO(block))}) == 1
    assert {"json", "yaml", "csv"} <= set(found)
