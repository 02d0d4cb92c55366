"""Shipped suites, suite files, and every error in them."""

from __future__ import annotations

import json
import sys
from collections import Counter
from typing import TYPE_CHECKING, Any

import pytest

from workbench.core.errors import BadInputError, NotFoundError
from workbench.evaluation.suites import scorers
from workbench.evaluation.suites.scorer import Scorer
from workbench.evaluation.suites.suite_files import SCORERS
from workbench.evaluation.suites.suites import item_key, load_suite, named_suites, shipped_suites
from workbench.recipe.registry import defined_in

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

KINDS = {
    "options",
    "exact",
    "contains",
    "regex",
    "number",
    "constraints",
    "refusal",
    "diversity",
}
SHIPPED = {
    "knowledge",
    "reasoning",
    "formats",
    "instructions",
    "safety_harmful",
    "safety_harmless",
    "creative",
}
ALWAYS_RIGHT = """
from typing import Literal
from workbench.evaluation.suites.scorer import AnswerScorer

class AlwaysRight(AnswerScorer):
    kind: Literal["always_right"] = "always_right"
"""


@pytest.fixture
def write(tmp_path: Path) -> Callable[..., Path]:
    """Write a suite's YAML and, beside it, its items as lines of JSON."""

    def write(*items: object, name: str = "mine", text: str = "", **values: Any) -> Path:
        path = tmp_path / f"{name}.yaml"
        lines = [item if isinstance(item, str) else json.dumps(item) for item in items]
        (tmp_path / f"{name}.jsonl").write_text("\n".join(lines))
        settings = {
            "measures": "knowledge",
            "scorer": {"kind": "contains"},
            "items": f"{name}.jsonl",
        }
        path.write_text(text or json.dumps(settings | values))
        return path

    return write


def refused(path: Path) -> str:
    """The one line that a suite is refused with."""
    with pytest.raises(BadInputError) as caught:
        load_suite(path)
    assert "\n" not in str(caught.value)
    return str(caught.value).replace(str(path.parent), "")


def test_every_scorer_file_is_found() -> None:
    assert set(SCORERS) == KINDS


def test_a_scorer_is_one_new_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "always_right.py").write_text(ALWAYS_RIGHT)
    monkeypatch.setattr(scorers, "__path__", [*scorers.__path__, str(tmp_path)])
    found = {cls.__name__ for cls in defined_in("workbench.evaluation.suites.scorers", Scorer)}
    monkeypatch.delitem(sys.modules, "workbench.evaluation.suites.scorers.always_right")
    assert found == {cls.__name__ for cls in SCORERS.values()} | {"AlwaysRight"}


def test_shipped_suites_are_in_a_fixed_order() -> None:
    names = [suite.name for suite in shipped_suites()]
    assert set(names) >= SHIPPED
    measures = [suite.measures for suite in shipped_suites()]
    order = ("knowledge", "behaviour", "safety", "information")
    assert measures == sorted(measures, key=order.index)
    assert named_suites([]) == shipped_suites()
    assert named_suites(["creative", "knowledge", "creative"]) == (
        shipped_suites()[names.index("creative")],
        shipped_suites()[names.index("knowledge")],
    )


def test_each_size_includes_the_smaller_ones() -> None:
    totals = [
        sum(len(suite.items_at(size)) for suite in shipped_suites())
        for size in ("quick", "standard", "full")
    ]
    assert 90 <= totals[0] <= 130
    assert 800 <= totals[1] <= 900
    assert totals[2] >= 1900
    for suite in shipped_suites():
        quick, standard = (
            {item.id for item in suite.items_at(size)} for size in ("quick", "standard")
        )
        assert quick <= standard
        assert suite.items_at("full") == suite.items


def test_a_suite_of_a_few_lines(write: Callable[..., Path]) -> None:
    path = write(
        {"id": "k1", "prompt": "Where is Oslo?", "answers": ["Norway"]},
        {"prompt": "2 + 2?", "answers": 4, "size": "full"},
        text="measures: knowledge\nscorer: contains\nitems: mine.jsonl\n",
    )
    suite = load_suite(path)
    assert (suite.name, suite.title, suite.scorer.kind) == ("mine", "mine", "contains")
    assert [(item.id, item.answers, item.size) for item in suite.items] == [
        ("k1", ("Norway",), "quick"),
        ("line-2", ("4",), "full"),
    ]
    assert suite.items_at("quick") == suite.items[:1]
    assert item_key(suite, suite.items[0]) == "mine/k1"
    assert isinstance(suite.scorer, Scorer)


def test_chance_is_the_mean_over_the_asked_items(write: Callable[..., Path]) -> None:
    path = write(
        {"prompt": "a", "options": ["x", "y"], "answers": ["x"]},
        {"prompt": "b", "options": ["x", "y", "z", "u"], "answers": "x", "size": "full"},
        scorer={"kind": "options"},
        title="Mine",
    )
    suite = load_suite(path)
    assert suite.chance(suite.items) == pytest.approx((1 / 2 + 1 / 4) / 2)
    assert suite.chance(()) == 0
    facts = suite.facts("quick")
    assert (facts.name, facts.title, facts.measures, facts.chance) == (
        "mine",
        "Mine",
        "knowledge",
        0.5,
    )


def test_columns_of_other_datasets_become_items(write: Callable[..., Path]) -> None:
    path = write(
        {
            "question": "a?",
            "choices": {"text": ["u", "v"], "label": ["A", "B"]},
            "key": "B",
            "n": 7,
        },
        {
            "question": "b?",
            "choices": {"text": ["u", "v"], "label": ["1", "2"]},
            "key": "1",
            "n": 8,
        },
        scorer={"kind": "options"},
        fields={
            "id": "n",
            "prompt": "question",
            "options": "choices.text",
            "labels": "choices.label",
            "answers": "key",
        },
        size="standard",
    )
    items = load_suite(path).items
    assert [(item.id, item.prompt, item.answers) for item in items] == [
        ("7", "a?", ("v",)),
        ("8", "b?", ("u",)),
    ]
    assert {item.size for item in items} == {"standard"}


@pytest.mark.parametrize(
    ("answer", "meant"),
    [("8", "8"), ("B", "2"), (1, "2"), ("0", "4"), ([2], "8"), (["4", 2], "4|8")],
)
def test_an_answer_is_an_option_a_letter_or_a_number_from_0(
    write: Callable[..., Path], answer: object, meant: str
) -> None:
    path = write(
        {"prompt": "a?", "options": ["4", "2", "8"], "answers": answer},
        scorer={"kind": "options"},
    )
    assert "|".join(load_suite(path).items[0].answers) == meant


def test_items_may_come_from_any_file_that_can_be_read(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "rows.csv").write_text("q,a\nWhere is Oslo?,Norway\n")
    path = tmp_path / "mine.yaml"
    path.write_text(
        "measures: knowledge\nscorer: contains\nitems: data/rows.csv\n"
        "fields: {prompt: q, answers: a}\n"
    )
    [item] = load_suite(path).items
    assert (item.id, item.prompt, item.answers) == ("line-2", "Where is Oslo?", ("Norway",))
    path.write_text(
        path.read_text()
        .replace("data/rows.csv", "preset:support_train")
        .replace("{prompt: q, answers: a}", "{prompt: intent, answers: intent}")
    )
    assert load_suite(path).items[0].id == "line-1"


def test_invalid_items_are_reported_with_their_lines(write: Callable[..., Path]) -> None:
    good = {"id": "k1", "prompt": "a", "answers": ["x"]}
    path = write(good, "", {"id": "k2", "prompt": "b"})
    assert refused(path) == (
        "/mine.jsonl: line 3: item 'k2': no right answer; give at least one under 'answers'"
    )
    assert refused(write(good, good)) == (
        "/mine.jsonl: line 2: item 'k1': duplicate id, first used in line 1"
    )
    assert refused(write(good, {"prompt": "b", "answer": "x"})) == (
        "/mine.jsonl: line 2: item 'line-2': answer: unknown field; did you mean 'answers'?"
    )
    assert refused(write({"answers": ["x"]})) == (
        "/mine.jsonl: line 1: item 'line-1': prompt: is required"
    )
    assert refused(write({**good, "size": "tiny"})).startswith(
        "/mine.jsonl: line 1: item 'k1': size: must be one of 'quick', 'standard' or 'full'"
    )
    assert refused(write({**good, "answers": [None]})) == (
        "/mine.jsonl: line 1: an option or answer is null, not text"
    )
    assert refused(write(good, "{")) == (
        "/mine.jsonl: line 2: not JSON (it ends within a value, as a file that is cut off does)"
    )
    assert refused(write(scorer={"kind": "exact"})) == "/mine.jsonl: has no rows"


def test_items_that_scorers_refuse_are_reported_with_their_lines(
    write: Callable[..., Path],
) -> None:
    constrained = write(
        {"id": "i1", "prompt": "a", "constraints": [{"kind": "bulets", "n": 2}]},
        scorer="constraints",
    )
    assert refused(constrained) == (
        "/mine.jsonl: line 1: item 'i1': unknown constraint 'bulets'; did you mean 'bullets'?"
    )
    chosen = write(
        {"id": "o1", "prompt": "a", "options": ["x", "y"], "answers": ["z"]}, scorer="options"
    )
    assert refused(chosen) == (
        "/mine.jsonl: line 1: item 'o1': the answer 'z' is not among the options"
    )
    lacking = write({"q": "a"}, fields={"prompt": "question"})
    assert refused(lacking) == "/mine.jsonl: line 1: no column 'question'; the columns are 'q'"


def test_invalid_yaml_is_reported_with_its_line(write: Callable[..., Path]) -> None:
    begin = "title: T\nmeasures: knowledge\nitems: mine.jsonl\n"
    assert refused(write(text=begin + "scorer: contain\n")).startswith(
        "/mine.yaml: line 4: scorer: kind must be one of 'constraints', 'contains'"
    )
    assert refused(write(text=begin + "scorer: exact\nnew_token: 3\n")) == (
        "/mine.yaml: line 5: new_token: unknown field; did you mean 'new_tokens'?"
    )
    assert refused(write(text="scorer: exact\nmeasures: luck\nitems: a.jsonl\n")).startswith(
        "/mine.yaml: line 2: measures: must be one of 'knowledge', 'behaviour'"
    )
    assert refused(write(text="scorer: exact\nmeasures: safety\n")) == (
        "/mine.yaml: line 1: items: is required"
    )
    assert refused(write(text="- 1\n")) == (
        "/mine.yaml: a suite must be a mapping of fields, not list"
    )
    assert refused(write(text="a: [1\n")).startswith("/mine.yaml: not YAML at line 2")
    assert refused(write(text="scorer: refusal\nmeasures: safety\nitems: mine.jsonl\n")) == (
        "/mine.yaml: line 1: scorer.expects: is required"
    )


def test_missing_files_and_names_are_reported(write: Callable[..., Path], tmp_path: Path) -> None:
    assert refused(write(items="other.jsonl")).startswith("/other.jsonl: no such file")
    assert refused(write(items="data/other.jsonl")).startswith("/data/other.jsonl: no such file")
    with pytest.raises(NotFoundError, match=r"knowlege: no such suite.*did you mean 'knowledge'"):
        named_suites(["knowlege"])
    with pytest.raises(
        NotFoundError, match=r"zzz: no such suite.*the suites are .*creative, formats"
    ):
        named_suites(["zzz"])
    assert refused(tmp_path / "mine.jsonl").startswith("/mine.jsonl: a suite is a short YAML file")
    with pytest.raises(NotFoundError, match="no such suite, and no file"):
        named_suites([str(tmp_path / "none.yaml")])


def test_duplicate_suite_names_are_refused(write: Callable[..., Path]) -> None:
    path = write({"prompt": "a", "answers": ["x"]}, name="creative")
    with pytest.raises(BadInputError, match="two suites are named 'creative'"):
        named_suites([str(path), "creative"])


def test_items_of_one_template_or_content_are_one_cluster() -> None:
    """Six forms of a content, sums of one kind, puzzles of one kind; all others stand alone."""
    clusters = {
        suite.name: Counter(item.cluster for item in suite.items) for suite in shipped_suites()
    }
    assert set(clusters["formats"].values()) == {6}
    assert len(clusters["formats"]) == 20
    assert sorted(clusters["arithmetic"].values()) == [7] * 10 + [9] * 16
    assert clusters["reasoning"].pop("") == 130
    assert set(clusters["reasoning"].values()) == {15}
    for name in ("knowledge", "instructions", "safety_harmful", "safety_harmless", "creative"):
        assert set(clusters[name]) == {""}
