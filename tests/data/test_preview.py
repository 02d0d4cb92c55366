"""The preview's numbers equal an independent count."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from tests.data.tokenizers import tokenizer_with
from tests.tiny import byte_tokenizer
from workbench.core.errors import NotFoundError
from workbench.data import sampling
from workbench.data.preview import preview, preview_row
from workbench.data.rendering import IGNORE_INDEX, Renderer
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
    row = previewed(source).example
    assert [label for label in row.labels if label != IGNORE_INDEX] == [ord("x") - 33, 257]
    assert row.trained_tokens == 2
    shown = row.model_dump(mode="json")
    assert len(shown.pop("input_ids")) == len(shown.pop("labels"))
    assert shown == {
        "number": 1,
        "notes": [],
        "segments": [
            {"text": "<|im_start|>user\nQ<|im_end|>\n<|im_start|>assistant\n", "trained": False},
            {"text": "x<|im_end|>", "trained": True},
            {"text": "\n", "trained": False},
        ],
    }


def test_a_missing_chat_template_is_reported(source: str) -> None:
    renderer = Renderer(tokenizer_with(None), True, 1024)
    assert preview(source, load_examples(source), renderer).plain_template


def test_a_row_is_found_by_its_line_and_says_what_is_lost_of_it(source: str) -> None:
    renderer, dataset = Renderer(byte_tokenizer(), True, MARKERS + 20), load_examples(source)
    whole, cut, blank = (preview_row(source, dataset, renderer, line) for line in (7, 50, 103))
    assert whole.segments[1].text == "x" * 7 + "<|im_end|>"
    assert whole.notes == ()
    assert cut.segments[1].text == "x" * 21
    assert cut.notes == (f"cut at {MARKERS + 20} tokens",)
    assert blank.segments == ()
    assert blank.notes == ("dropped: blank",)
    with pytest.raises(NotFoundError, match="has no row at line 104"):
        preview_row(source, dataset, renderer, 104)


def test_an_answer_beyond_the_length_is_dropped(source: str) -> None:
    renderer = Renderer(byte_tokenizer(), True, 10)
    row = preview_row(source, load_examples(source), renderer, 7)
    assert row.notes == ("dropped: nothing to learn within 10 tokens",)
    assert row.trained_tokens == 0


def test_near_duplicates_are_counted_in_groups(source: str) -> None:
    counts = previewed(source)
    assert counts.groups == 100
    assert counts.groups_by_words


def test_counts_of_a_sample_are_scaled(source: str, monkeypatch: pytest.MonkeyPatch) -> None:
    exact = previewed(source)
    monkeypatch.setattr(sampling, "MOST_ROWS", 51)
    rough = previewed(source)
    assert (rough.rows, rough.sampled) == (102, 51)
    assert rough.tokens == pytest.approx(exact.tokens, rel=0.2)
    assert rough.repeated == exact.repeated


def test_texts_are_counted_in_pieces(tmp_path: Path) -> None:
    path = tmp_path / "long.txt"
    path.write_text("x" * 100 + "\n\nshort\n")
    counts = previewed(str(path), sequence_length=40)
    assert counts.divided == (1,)
    assert counts.truncated == ()
    assert counts.tokens == 101 + 6
    assert counts.lengths.max == 101
    assert counts.example.notes == (
        "cut into several pieces of 40 tokens, of which this is the first",
    )
