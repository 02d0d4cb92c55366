"""Rows on which KL is measured must not be among those that a run reads, by whatever name."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from workbench.core.errors import BadInputError
from workbench.evaluation.overlap import overlaps
from workbench.planning.preflight import preflight
from workbench.recipe import yaml_io

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from workbench.recipe.recipe import Recipe

    Make = Callable[..., Recipe]


@pytest.fixture
def recipe(tiny_model: Path, rows: Path) -> Make:
    values: dict[str, Any] = {"model": {"id": str(tiny_model)}, "data": {"train": str(rows)}}
    return lambda *overrides: yaml_io.validate(yaml_io.override(values, overrides))


def write(path: Path, questions: range, *, answer: str = "Yes.") -> Path:
    rows = [{"question": f"What about {each}?", "answer": answer} for each in questions]
    path.write_text("".join(f"{json.dumps(row)}\n" for row in rows))
    return path


SOURCES = [
    "retention.kl.source={}",
    "retention.replay.source={}",
    "retention.ewc.source={}",
    "data.train={}",
]


@pytest.mark.parametrize("setting", [*SOURCES, "strategy.general_text={}"])
def test_the_same_rows_are_refused_under_another_path(
    recipe: Make, tmp_path: Path, setting: str
) -> None:
    measured = write(tmp_path / "measured.jsonl", range(20))
    copy = write(tmp_path / "copy.jsonl", range(20))
    corda = ("strategy.init_lora_weights=corda",) if "strategy" in setting else ()
    made = recipe(f"evaluation.general_text={measured}", setting.format(copy), *corda)
    field = setting.partition("=")[0]
    with pytest.raises(BadInputError, match=f"{field}: .*copy.jsonl has the same rows"):
        preflight(made)


def test_a_preset_is_refused_as_both(recipe: Make) -> None:
    with pytest.raises(BadInputError, match=r"retention\.kl\.source: preset:general_heldout has"):
        preflight(recipe("retention.kl.source=preset:general_heldout"))


def test_other_answers_case_and_order_are_the_same_rows(recipe: Make, tmp_path: Path) -> None:
    measured = write(tmp_path / "measured.jsonl", range(20))
    other = tmp_path / "other.jsonl"
    lines = [
        {"instruction": f"what ABOUT  {each}", "output": "No."} for each in reversed(range(20))
    ]
    other.write_text("".join(f"{json.dumps(line)}\n" for line in lines))
    made = recipe(f"evaluation.general_text={measured}", f"retention.kl.source={other}")
    with pytest.raises(BadInputError, match="has the same rows"):
        preflight(made)


@pytest.mark.parametrize("questions", [range(5), range(40)])
def test_a_part_of_the_rows_or_all_of_them_and_more_is_refused(
    recipe: Make, tmp_path: Path, questions: range
) -> None:
    measured = write(tmp_path / "measured.jsonl", range(20))
    other = write(tmp_path / "other.jsonl", questions)
    made = recipe(f"evaluation.general_text={measured}", f"retention.replay.source={other}")
    with pytest.raises(BadInputError, match="has the same rows"):
        preflight(made)


@pytest.mark.parametrize("setting", SOURCES)
def test_a_partial_overlap_is_named_with_its_count(
    recipe: Make, tmp_path: Path, setting: str
) -> None:
    measured = write(tmp_path / "measured.jsonl", range(20))
    other = write(tmp_path / "other.jsonl", range(13, 40))
    made = recipe(
        f"evaluation.general_text={measured}", setting.format(other), "data.heldout_share=0"
    )
    field = setting.partition("=")[0]
    (note,) = [note for note in preflight(made).notes if "general_text" in note]
    assert note.startswith(f"{field}: 7 of the 20 rows of evaluation.general_text are in ")


def test_only_rows_that_are_read_count(recipe: Make, tmp_path: Path) -> None:
    measured = write(tmp_path / "measured.jsonl", range(20))
    other = write(tmp_path / "other.jsonl", range(100, 140))
    with other.open("a") as stream:
        stream.write(measured.read_text())
    source = (f"evaluation.general_text={measured}", f"retention.kl.source={other}")
    assert overlaps(recipe(*source, "retention.kl.rows=40"), ()) == ()
    (found,) = overlaps(recipe(*source, "retention.kl.rows=43"), ())
    assert (found.shared, found.measured, found.complete) == (3, 20, False)


def test_the_shipped_texts_do_not_overlap(recipe: Make) -> None:
    for kind in ("kl", "replay", "ewc"):
        assert overlaps(recipe(f"retention.{kind}=true"), ()) == ()
    for name in yaml_io.presets():
        shipped = yaml_io.load_file(name)
        if shipped.data.train.startswith("preset:"):
            from workbench.data.splitting import load_split

            assert overlaps(shipped, load_split(shipped.data, 0).train) == (), name


def test_without_general_text_nothing_overlaps(recipe: Make) -> None:
    off = recipe("evaluation.general_text=null", "retention.kl.source=preset:general_heldout")
    assert overlaps(off, ()) == ()
