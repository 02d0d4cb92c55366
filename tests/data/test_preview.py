"""The preview's numbers equal an independent count."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from tests.data.tokenizers import tokenizer_with
from tests.tiny import byte_tokenizer
from workbench.data.preview import preview
from workbench.data.rendering import Renderer
from workbench.data.splitting import load_examples

if TYPE_CHECKING:
    from pathlib import Path

    from workbench.data.preview import Preview

MARKERS = len("user\n\nassistant\n\n") + 4


@pytest.fixture
def source(tmp_path: Path) -> str:
    """A hundred rows of 1 to 100 bytes of answer, then repeats and blanks."""
    rows = [{"prompt": "Q", "completion": "x" * size, "intent": "i"} for size in range(1, 101)]
    rows += [
        {"prompt": "Q", "completion": "xx", "intent": "i"},
        {"prompt": "q?", "completion": "XXX.", "intent": "i"},
        {"prompt": "Q", "completion": "", "intent": "i"},
    ]
    path = tmp_path / "rows.jsonl"
    path.write_text("\n".join(map(json.dumps, rows)))
    return str(path)


def previewed(source: str, sequence_length: int = 1024) -> Preview:
    renderer = Renderer(byte_tokenizer(), True, sequence_length)
    return preview(source, load_examples(source), renderer)


def test_rows_are_counted(source: str) -> None:
    counts = previewed(source)
    assert (counts.format, counts.rows, counts.unit) == ("prompt_completion", 102, "line")
    assert counts.empty == (103,)
    assert counts.repeated == (101,)
    assert counts.nearly_repeated == (102,)
    assert counts.unused == ("intent",)
    assert counts.truncated == ()
    assert not counts.plain_template


def test_tokens_are_counted(source: str) -> None:
    counts = previewed(source)
    answers = [*range(1, 101), 2, 4]
    assert counts.trained_tokens == sum(size + 1 for size in answers)
    assert counts.tokens == sum(size + 1 + MARKERS for size in answers) + 1


def test_percentiles_are_of_whole_rows(source: str) -> None:
    lengths = vars(previewed(source, sequence_length=40).lengths)
    base = MARKERS + 1
    assert lengths == {
        "p50": base + 49,
        "p90": base + 90,
        "p95": base + 95,
        "p99": base + 99,
        "max": base + 100,
    }


def test_cut_rows_are_listed(source: str) -> None:
    fits = MARKERS + 1 + 98
    counts = previewed(source, sequence_length=fits)
    assert counts.truncated == (99, 100)
    assert counts.unlearnable == ()
    assert counts.tokens == previewed(source).tokens - 3
    nothing = previewed(source, sequence_length=10)
    assert len(nothing.unlearnable) == nothing.rows
    assert nothing.trained_tokens == 0


def test_the_example_marks_the_learned_text(source: str) -> None:
    counts = previewed(source).model_dump(mode="json")["example"]
    assert counts == {
        "number": 1,
        "segments": [
            {"text": "<|im_start|>user\nQ<|im_end|>\n<|im_start|>assistant\n", "trained": False},
            {"text": "x<|im_end|>", "trained": True},
            {"text": "\n", "trained": False},
        ],
    }


def test_a_missing_chat_template_is_reported(source: str) -> None:
    renderer = Renderer(tokenizer_with(None), True, 1024)
    assert preview(source, load_examples(source), renderer).plain_template
