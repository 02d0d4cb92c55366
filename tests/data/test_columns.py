"""A mapping of columns reads datasets whose fields have names of their own."""

from __future__ import annotations

import pytest

from tests.data.records import examples, refused
from workbench.core.errors import BadInputError
from workbench.data.formats import Message
from workbench.data.splitting import load_split
from workbench.recipe import yaml_io
from workbench.recipe.data import DataSection

PAIR = (Message("user", "Warum?"), Message("assistant", "Darum."))


def test_columns_name_the_parts_of_a_pair() -> None:
    record = {"Frage": "Warum?", "Antwort": "Darum.", "Thema": "Gründe"}
    dataset = examples(record, columns={"prompt": "Frage", "completion": "Antwort"})
    assert dataset.rows[0].messages == PAIR
    assert dataset.unused == ("Thema",)


def test_columns_go_before_the_usual_names() -> None:
    record = {"instruction": "x", "output": "y", "Frage": "Warum?", "Antwort": "Darum."}
    dataset = examples(record, columns={"prompt": "Frage", "completion": "Antwort"})
    assert dataset.rows[0].messages == PAIR


def test_columns_may_be_nested_and_inside_messages() -> None:
    record = {"paar": {"f": "Warum?", "a": "Darum."}}
    dataset = examples(record, columns={"prompt": "paar.f", "completion": "paar.a"})
    assert dataset.rows[0].messages == PAIR
    turns = [{"wer": "user", "was": "Warum?"}, {"wer": "assistant", "was": "Darum."}]
    dataset = examples(
        {"gespräch": turns}, columns={"messages": "gespräch", "role": "wer", "content": "was"}
    )
    assert dataset.rows[0].messages == PAIR
    assert dataset.unused == ()


def test_a_column_that_does_not_exist_is_named_with_those_that_do() -> None:
    assert refused({"Frage": "Warum?"}, columns={"prompt": "Fragen"}) == (
        "data.jsonl: data.columns says that 'prompt' is 'Fragen', but its fields are 'Frage'"
    )


def test_a_recipe_writes_columns_as_a_mapping_or_in_one_line() -> None:
    mapping = {"prompt": "Frage", "completion": "Antwort"}
    for written in (mapping, "prompt=Frage, completion = Antwort"):
        assert DataSection.model_validate({"columns": written}).columns == mapping
    for section in ({"columns": None}, {"columns": ""}, {}):
        assert DataSection.model_validate(section).columns == {}


@pytest.mark.parametrize(
    ("written", "message"),
    [
        ("Frage", r"data\.columns: write it as prompt=Question, completion=Reply"),
        ("ask=Frage", r"data\.columns\.ask: must be one of 'messages', .*, got 'ask'"),
    ],
)
def test_columns_written_wrongly_say_how_to_write_them(written: str, message: str) -> None:
    with pytest.raises(BadInputError, match=message):
        yaml_io.validate({"data": {"columns": written}})


def test_a_recipe_reads_both_its_datasets_by_its_columns(tmp_path) -> None:
    for name in ("train", "heldout"):
        (tmp_path / f"{name}.csv").write_text("Frage;Antwort\nWarum?;Darum.\nWie?;\n")
    section = DataSection.model_validate(
        {
            "train": str(tmp_path / "train.csv"),
            "heldout": str(tmp_path / "heldout.csv"),
            "columns": {"prompt": "Frage", "completion": "Antwort"},
            "max_dropped": 0.5,
        }
    )
    split = load_split(section, seed=0)
    assert [row.messages for row in (*split.train, *split.heldout)] == [PAIR, PAIR]
