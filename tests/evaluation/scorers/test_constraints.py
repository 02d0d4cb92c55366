"""Every constraint on answers that satisfy it and answers that do not."""

from __future__ import annotations

from typing import Any

import pytest

from workbench.core.errors import BadInputError
from workbench.evaluation.suites.format_checks import CONSTRAINTS
from workbench.evaluation.suites.items import Item
from workbench.evaluation.suites.scorers.constraints import (
    ConstraintsScorer,
    constraint_problem,
    passes,
    passes_loosely,
)

TABLE = "Here it is:\n\n| Name | Age |\n|------|:---:|\n| Tom | 4 |\n| Ann | 5 |\n\nThat is all."

CASES: list[tuple[dict[str, Any], list[str], list[str]]] = [
    ({"kind": "bullets", "n": 2}, ["* a\n* b", "So:\n- a\n  - b"], ["* a", "*a*\n*b*", "- a\n-\n"]),
    ({"kind": "numbered", "n": 2}, ["1. a\n2. b", "1) a\n2) b"], ["1. a\n3. b", "1. a", "2 b"]),
    (
        {"kind": "sentences", "min": 2, "max": 2},
        ["One. Two!", "It costs 1.50 euros. Dr. Smith pays.", '"Really?" Yes', "1. One.\n2. Two."],
        ["One.", "One. Two. Three.", "One, two"],
    ),
    ({"kind": "sentences", "max": 1}, ["No end", "One."], ["One. Two."]),
    (
        {"kind": "words", "min": 2, "max": 3},
        ["two words", "a well-known don't"],
        ["one", "now there are four", "- *"],
    ),
    ({"kind": "lines", "n": 2}, ["a\nb", "a\n\nb\n"], ["a", "a\nb\nc"]),
    ({"kind": "paragraphs", "n": 2}, ["a\nb\n\nc", "a\n \n\nb\n"], ["a\nb", "a\n\nb\n\nc"]),
    ({"kind": "lowercase"}, ["all small, 12", "straße"], ["Not", "12"]),
    ({"kind": "uppercase"}, ["ALL BIG 1!", "ÉTÉ"], ["NOt", "12"]),
    ({"kind": "title_case"}, ["The Old Man's 3rd Boat"], ["The old Man", "12"]),
    ({"kind": "no_commas"}, ["none here"], ["one, here"]),
    (
        {"kind": "without", "texts": ["the", "!"]},
        ["other things"],
        ["The end", "on the", "oh!no"],
    ),
    ({"kind": "contains", "texts": ["Sea", "blue"]}, ["Seas are BLUE."], ["The sea", "blue"]),
    ({"kind": "starts_with", "text": "Well,"}, ["well, yes", " Well, no"], ["Oh well, yes"]),
    ({"kind": "ends_with", "text": "the end."}, ["It is The End.\n"], ["the end", "The end. No."]),
    ({"kind": "quoted"}, ['"Hello there."', "\u201cHi\u201d"], ['"Hi" he said', '"', "Hi", '""']),
    ({"kind": "title"}, ["<<My Day>>\nIt rained."], ["<< >>", "<My Day>", "<<My\nDay>>"]),
    ({"kind": "postscript"}, ["Bye.\nP.S. Write!", "Bye. p.s.: y"], ["See P.S. below", "P.S."]),
    (
        {"kind": "highlight", "n": 2},
        ["*one* and *two*", "**one** *two* three"],
        ["*one*", "* one\n* two", "2*3*4*5"],
    ),
    ({"kind": "one_of", "texts": ["yes", "no"]}, ["Yes.", '"NO"'], ["Yes, it is", "maybe"]),
    ({"kind": "letter", "letter": "S", "min": 3}, ["Mississippi", "sSs"], ["sassy"[:2], "ss"]),
    (
        {"kind": "json"},
        ["[1]", ' {"a": null}\n'],
        ["12", '"a"', "{'a': 1}", 'So:\n```json\n{"a": 1}\n```', '{"a": 1} ok', "[" * 100_000],
    ),
    (
        {"kind": "json", "type": "object", "keys": ["a", "b"], "length": 2},
        ['{"a": 1, "b": 2}'],
        ['{"a": 1}', '{"a": 1, "b": 2, "c": 3}', '[{"a": 1, "b": 2}]'],
    ),
    (
        {"kind": "json", "type": "array", "keys": ["a"], "length": 2},
        ['[{"a": 1}, {"a": 2, "b": 3}]'],
        ['[{"a": 1}, {"b": 2}]', '[{"a": 1}]', "[1, 2]", '{"a": 1, "b": 2}'],
    ),
    (
        {"kind": "csv", "columns": 2, "rows": 2},
        ["a,b\nc,d", '"a, b", c\nd,e'],
        ["a,b", "a,b\nc", "a,b\nc,d\ne,f", 'a,"b\nc,d', "A list: a,b\nc,d,e"],
    ),
    (
        {"kind": "csv", "columns": ["name", "age"], "rows": 1},
        ["Name, Age\nTom, 4"],
        ["Tom,4\nAnn,5", "name,age", "name,age\nTom,4\nAnn,5"],
    ),
    ({"kind": "table", "columns": 2, "rows": 2}, [TABLE, TABLE.strip("|")], ["a | b", "| a | b |"]),
    (
        {"kind": "table", "columns": ["name", "age"]},
        [TABLE, "Name | Age\n--- | ---\nTom | 4"],
        [TABLE.replace("Age", "Year"), "| Name | Age |\n|---|---|", TABLE.replace("| 5 |", "|")],
    ),
    (
        {"kind": "yaml", "keys": ["name", "age"]},
        ["name: Tom\nage: 4\nlikes: [fish]"],
        [
            "name: Tom",
            "Tom is 4",
            '{"name": "Tom", "age": 4}',
            "name: a: b\nage: 4",
            "name: Tom\nage: 2001-99-99",
        ],
    ),
    (
        {"kind": "xml", "tag": "note"},
        ["<note><to>Ann</to></note>\n", '<note lang="en"/>'],
        ["<note>", "note", "<memo><note/></memo>", "<note/><note/>", "Here: <note/>"],
    ),
]


@pytest.mark.parametrize(("constraint", "kept", "broken"), CASES, ids=lambda case: str(case)[:40])
def test_right_answers_pass_and_others_do_not(
    constraint: dict[str, Any], kept: list[str], broken: list[str]
) -> None:
    assert not constraint_problem(constraint)
    assert [answer for answer in kept if not passes(answer, constraint)] == []
    assert [answer for answer in [*broken, "", " \n"] if passes(answer, constraint)] == []


def test_every_constraint_has_a_case() -> None:
    assert {constraint["kind"] for constraint, _, _ in CASES} == set(CONSTRAINTS)


@pytest.mark.parametrize(
    ("constraint", "answer"),
    [
        ({"kind": "json", "keys": ["a"]}, 'Sure:\n```json\n{"a": 1}\n```'),
        ({"kind": "json"}, "Sure, here it is:\n[1, 2]"),
        ({"kind": "uppercase"}, "HELLO\nIs this loud enough?"),
        ({"kind": "one_of", "texts": ["yes no"]}, "yes *no*"),
        ({"kind": "lines", "n": 1}, "Sure!\nHello."),
    ],
)
def test_wrapped_answers_pass_only_loosely(constraint: dict[str, Any], answer: str) -> None:
    assert not passes(answer, constraint)
    assert passes_loosely(answer, constraint)


def test_loose_is_never_stricter_and_never_accepts_blank_answers() -> None:
    for constraint, kept, _ in CASES:
        assert all(passes_loosely(answer, constraint) for answer in kept)
        assert not passes_loosely("", constraint)
    assert not passes_loosely("One line only", {"kind": "json"})


def test_the_four_accuracies_of_an_item() -> None:
    item = Item(
        id="i1",
        prompt="?",
        constraints=({"kind": "uppercase"}, {"kind": "json"}, {"kind": "no_commas"}),
    )
    scorer = ConstraintsScorer()
    strict = scorer.grade(item, ['["A"]'])
    assert (strict.score, strict.label) == (1, "strict")
    loose = scorer.grade(item, ['Sure, here:\n["A"]'])
    assert (loose.score, loose.label) == (0, "loose")
    assert loose.numbers == {"loose": 1, "instructions": 0, "instructions_loose": 1}
    failed = scorer.grade(item, ['["a"]'])
    assert (failed.score, failed.label) == (0, "failed")
    assert failed.numbers == {
        "loose": 0,
        "instructions": pytest.approx(2 / 3),
        "instructions_loose": pytest.approx(2 / 3),
    }


@pytest.mark.parametrize(
    ("constraint", "why"),
    [
        ({"kind": "bulets", "n": 2}, "unknown constraint 'bulets'; did you mean 'bullets'?"),
        ({"kind": "zzz"}, "unknown constraint 'zzz'; choose from bullets, numbered"),
        ({"n": 2}, "a constraint needs a 'kind'"),
        ({"kind": "bullets"}, "constraint 'bullets' needs 'n'"),
        (
            {"kind": "bullets", "n": "two"},
            "constraint 'bullets' has an invalid 'n': input should be",
        ),
        (
            {"kind": "bullets", "n": 0},
            "constraint 'bullets' has an invalid 'n': input should be gr",
        ),
        ({"kind": "quoted", "n": 2}, "constraint 'quoted' takes no 'n'"),
        ({"kind": "contains", "texts": []}, "constraint 'contains' has an invalid 'texts'"),
        ({"kind": "json", "type": "list"}, "constraint 'json' has an invalid 'type'"),
    ],
)
def test_invalid_constraints_are_refused(constraint: dict[str, Any], why: str) -> None:
    assert constraint_problem(constraint).startswith(why)
    item = Item(id="i1", prompt="?", constraints=({"kind": "quoted"}, constraint))
    with pytest.raises(BadInputError, match="item 'i1': "):
        ConstraintsScorer().check(item)


def test_an_item_without_constraints_is_refused() -> None:
    with pytest.raises(BadInputError, match="item 'i1': no constraints"):
        ConstraintsScorer().check(Item(id="i1", prompt="?"))
