"""Large datasets are tokenised once for the same rows, template and settings, and only then."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.data.tokenizers import CHATML, MARKED, tokenizer_with
from workbench.data import storage, token_cache
from workbench.data.formats import Example, Message
from workbench.data.rendering import Renderer
from workbench.data.tokenising import tokenise

if TYPE_CHECKING:
    from pathlib import Path

    from workbench.data.storage import LazyExamples
    from workbench.data.tokenising import Tokenised


@pytest.fixture
def examples(tmp_path: Path) -> LazyExamples:
    rows = [
        Example(number, {}, messages=(Message("user", "Q"), Message("assistant", f"A{number}")))
        for number in range(1, 60)
    ]
    storage.write_rows(rows, tmp_path / "rows")
    return storage.open_rows(tmp_path / "rows")


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many rows each call tokenised."""
    counts: list[int] = []

    def counted(renderer: Renderer, rows: LazyExamples, *more: object, **options: object) -> object:
        counts.append(len(rows))
        return tokenise(renderer, rows, *more, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(token_cache, "tokenise", counted)
    return counts


def cached(
    examples: LazyExamples, template: str | None = CHATML, length: int = 64, overlap: int = 0
) -> Tokenised:
    tokenizer = tokenizer_with(template)
    renderer = Renderer(tokenizer, True, length)
    return token_cache.tokenise_cached(renderer, tokenizer, examples, overlap, lambda _: None)


def test_the_second_run_finds_the_tokens_of_the_first(
    examples: LazyExamples, calls: list[int]
) -> None:
    first, second = cached(examples), cached(examples)
    assert list(first.rows) == list(second.rows)
    assert len(first.rows) == 59
    assert calls.count(59) == 1


def test_another_template_length_overlap_or_row_is_tokenised_again(
    examples: LazyExamples, calls: list[int]
) -> None:
    cached(examples)
    cached(examples, template=MARKED)
    cached(examples, length=65)
    cached(examples, overlap=1)
    assert calls.count(59) == 4
    cached(examples[:-1])
    assert calls.count(58) == 1


def test_a_dataset_in_memory_stays_there(examples: LazyExamples, own_cache: Path) -> None:
    tokenizer = tokenizer_with(CHATML)
    rows = tuple(examples)
    done = token_cache.tokenise_cached(
        Renderer(tokenizer, True, 64), tokenizer, rows, 0, lambda _: None
    )
    assert len(done.rows) == 59
    assert not (own_cache / "tokens").exists()
