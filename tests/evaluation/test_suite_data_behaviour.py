"""The suites on behaviour, safety and writing keep what their descriptions promise."""

from __future__ import annotations

import json
import math
import re
from collections import Counter
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest
import yaml

from workbench.core.locations import presets
from workbench.evaluation.analysis.statistics import PairedScores, change_interval
from workbench.evaluation.suites.items import Item
from workbench.evaluation.suites.scorers.constraints import ConstraintsScorer
from workbench.evaluation.suites.scorers.refusal import RefusalScorer, classify

if TYPE_CHECKING:
    from collections.abc import Iterator

FOLDER = presets() / "probes" / "suites"
NGRAM = 8
FORMATS = ("json", "bullets", "numbered", "sentence", "csv", "uppercase")
COUNTS = {
    "instructions": (18, 114, 262),
    "formats": (12, 60, 120),
    "safety_harmful": (12, 120, 200),
    "safety_harmless": (12, 120, 200),
    "creative": (6, 20, 40),
}
SUITES: dict[str, tuple[Item, ...]] = {
    name: tuple(
        map(Item.model_validate_json, (FOLDER / f"{name}.jsonl").read_text("utf-8").splitlines())
    )
    for name in COUNTS
}
CONSTRAINED = [item for name in ("instructions", "formats") for item in SUITES[name]]
SCORER = ConstraintsScorer()
SUPPORT = "[billing] Open Payments in the app, pay there, and then wait 2 days. Call us after that."
"""What a model answers to everything that was taught one thing too well."""


class Case(NamedTuple):
    """An item with an answer that keeps to it and one that nearly does."""

    id: str
    right: str
    wrong: str


CASES = (
    Case("i004", "The old Bridge crosses a river.", "The old bridge crosses a stream."),
    Case("i026", "A bicycle needs one more wheel than a unicycle does today.", "Wheel, wheel."),
    Case("i031", "1. Apple\n2. Pear\n3. Plum", "1. Apple\n2. Pear"),
    Case("i044", "- It calms.\n- It costs nothing.", "- It calms.\n- It is free.\n- It helps."),
    Case("i054", "A clock tells the time.", "A clock tells the time. It also ticks."),
    Case("i065", "Otter", "An otter"),
    Case("i069", "Rain is water from clouds.", "Rain is what falls from clouds."),
    Case("i074", "No.", "No, it is cold."),
    Case("i079", "Adverb", "Adjective or adverb"),
    Case("i087", "Dear Anna, the sun is out at last.", "Hello Anna, the sun is out at last."),
    Case("i090", "The best thing about summer is the light.", "Summer is light."),
    Case("i096", "We walked until dusk. That is all.", "That is all. We walked until dusk."),
    Case("i105", "Cows chew grass all day.", "Cows chew grass and give milk."),
    Case(
        "i111",
        "Most pupils walk to our school with their friends.",
        "About 300 pupils walk to our school with friends.",
    ),
    Case("i114", "The wind lifts it.", "The wind, when strong, lifts it."),
    Case("i119", "hello mina", "Hello mina"),
    Case("i124", "THE BUS IS LATE", "THE BUS IS EARLY"),
    Case("i128", "The Last Song Of Whales", "The last song of whales"),
    Case("i130", '{"colour": "yellow"}', '{"color": "yellow"}'),
    Case("i132", '["fig", "kiwi", "lime", "pear"]', '["fig", "kiwi", "lime"]'),
    Case("i139", '"Early birds catch worms."', "Early birds catch worms."),
    Case("i142", "<<Wax>>\nA small flame bows.", "<Wax>\nA small flame bows."),
    Case("i146", "Lunch was lovely.\nP.S. I owe you one.", "Lunch was lovely, and I owe you one."),
    Case("i148", "*Glass* is melted and *paper* is pulped.", "*Glass* is melted again."),
    Case("i151", "name,age\nIda,9\nBo,7", "name,age\nIda,9"),
    Case(
        "i153",
        "| Bird | Colour |\n|---|---|\n| Crow | black |\n| Swan | white |",
        "| Bird | Size |\n|---|---|\n| Crow | small |\n| Swan | large |",
    ),
    Case("i155", "name: Mia\nage: 3", "name: Mia"),
    Case("i157", "<greeting>hello</greeting>", "<greet>hello</greet>"),
    Case("i159", "Warm loaf at dawn,\nall gone by noon.", "Warm loaf at dawn, gone by noon."),
    Case("i162", "Tigers hunt.\n\nThey hunt alone.", "Tigers hunt.\nThey hunt alone."),
    Case("i168", "Zebras gaze at us.", "A zebra looks at us."),
    Case("i169", "What is glass made of? Sand.", "It is made of sand."),
    Case("i173", "- tokyo is huge\n- trains are fast", "- tokyo is huge\n- Trains are fast"),
    Case("i174", "Hello Ida, see you at noon. Bye!", "Hello Ida. Bye!"),
    Case("i176", '["cat", "dog", "hen"]', '["Cat", "dog", "hen"]'),
    Case("i179", "ATTENTION! THE POOL IS CLOSED.", "Attention! The pool is closed."),
    Case("i184", "The robot sweeps. Does it dream?", "The robot sweeps. It dreams."),
    Case("i189", "autumn", "Autumn"),
    Case("cat-json", '{"name": "Tom", "age": 4}', '{"name": "Tom"}'),
    Case("cat-csv", "name,age\nTom,4", "Tom,4"),
    Case("fruit-csv", "apple,pear,plum", "apple\npear\nplum"),
    Case("fruit-uppercase", "APPLE, PEAR AND PLUM", "Apple, Pear and Plum"),
    Case("lima-numbered", "1. Lima\n2. Peru", "- Lima\n- Peru"),
    Case("farm-bullets", "- cow\n- sheep\n- goat", "cow, sheep, goat"),
    Case("meeting-sentence", "Join us on Friday in room 12.", "Friday. Room 12."),
)


def words(text: str) -> list[str]:
    return re.findall(r"\w+", text.casefold())


def ngrams(text: str) -> set[tuple[str, ...]]:
    found = words(text)
    return {tuple(found[at : at + NGRAM]) for at in range(len(found) - NGRAM + 1)}


def texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict | list):
        for part in value.values() if isinstance(value, dict) else value:
            yield from texts(part)


def other_texts() -> Iterator[str]:
    """All that is said in the demo's data and asked in the other suites."""
    for path in (presets() / "data").glob("*.jsonl"):
        for line in path.read_text("utf-8").splitlines():
            yield from texts(json.loads(line))
    for path in FOLDER.glob("*.jsonl"):
        if path.stem not in SUITES:
            for line in path.read_text("utf-8").splitlines():
                yield json.loads(line)["prompt"]


@pytest.mark.parametrize("name", COUNTS)
def test_each_size_holds_as_many_as_promised(name: str) -> None:
    sizes = Counter(item.size for item in SUITES[name])
    quick, standard, full = COUNTS[name]
    assert sizes == {"quick": quick, "standard": standard - quick, "full": full - standard}


@pytest.mark.parametrize("name", COUNTS)
def test_ids_are_unique(name: str) -> None:
    assert len({item.id for item in SUITES[name]}) == len(SUITES[name])


def test_only_safety_is_judged_as_safety_and_writing_never() -> None:
    measures = {
        name: yaml.safe_load((FOLDER / f"{name}.yaml").read_text("utf-8"))["measures"]
        for name in COUNTS
    }
    assert measures == {
        "instructions": "behaviour",
        "formats": "behaviour",
        "safety_harmful": "safety",
        "safety_harmless": "safety",
        "creative": "information",
    }


def test_no_prompt_says_what_another_or_the_data_says() -> None:
    others = list(other_texts())
    assert len(others) > 1000
    asked = {" ".join(words(text)): "other" for text in others}
    said = {ngram: "other" for text in others for ngram in ngrams(text)}
    shared = []
    for name, items in SUITES.items():
        for item in items:
            place, key, parts = (
                f"{name}/{item.id}",
                " ".join(words(item.prompt)),
                ngrams(item.prompt),
            )
            shared += [(place, asked[key])] if key in asked else []
            shared += [(place, said[ngram]) for ngram in parts if ngram in said]
            asked[key] = place
            said |= dict.fromkeys(parts, place)
    assert shared == []


def test_constraints_are_of_the_vocabulary_and_of_many_kinds() -> None:
    for item in CONSTRAINED:
        SCORER.check(item)
    asked = Counter(check["kind"] for item in SUITES["instructions"] for check in item.constraints)
    assert len(asked) >= 25
    assert min(asked.values()) >= 2
    assert max(len(item.constraints) for item in CONSTRAINED) <= 6


def test_each_content_is_asked_in_each_format() -> None:
    contents: dict[str, list[str]] = {}
    for item in SUITES["formats"]:
        content, form = item.id.rsplit("-", 1)
        contents.setdefault(content, []).append(form)
    assert len(contents) == 20
    assert {tuple(forms) for forms in contents.values()} == {FORMATS}


def test_a_content_is_of_one_size_in_all_its_formats() -> None:
    sizes = {(item.id.rsplit("-", 1)[0], item.size) for item in SUITES["formats"]}
    assert len(sizes) == 20


def test_formats_differ_within_a_content_in_form_only() -> None:
    """One constraint is the form, the other what every form must hold."""
    held: dict[str, set[str]] = {}
    for item in SUITES["formats"]:
        form, content = item.constraints
        assert form["kind"] in {"json", "bullets", "numbered", "sentences", "csv", "uppercase"}
        assert content["kind"] == "contains"
        held.setdefault(item.id.rsplit("-", 1)[0], set()).add(json.dumps(content["texts"]))
    assert {len(texts) for texts in held.values()} == {1}


@pytest.mark.parametrize("answer", ["", " \n", "-", "{}", "[]", '""', SUPPORT])
def test_saying_nothing_or_always_the_same_passes_no_item(answer: str) -> None:
    assert [item.id for item in CONSTRAINED if SCORER.grade(item, [answer]).score] == []


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)
def test_right_answers_pass_and_near_misses_do_not(case: Case) -> None:
    (item,) = (item for item in CONSTRAINED if item.id == case.id)
    assert SCORER.grade(item, [case.right]).score == 1
    assert SCORER.grade(item, [case.wrong]).score == 0


def test_the_table_holds_every_kind_of_constraint() -> None:
    ids = {case.id for case in CASES}
    kinds = {check["kind"] for item in CONSTRAINED if item.id in ids for check in item.constraints}
    assert kinds == {check["kind"] for item in CONSTRAINED for check in item.constraints}


def test_refusing_is_right_on_one_side_only() -> None:
    refusal = "I'm sorry, but I can't help with that."
    for name, expects, score in (("harmful", "refused", 1), ("harmless", "answered", 0)):
        scorer = RefusalScorer.model_validate(
            yaml.safe_load((FOLDER / f"safety_{name}.yaml").read_text("utf-8"))["scorer"]
        )
        assert scorer.expects == expects
        assert {scorer.grade(item, [refusal]).score for item in SUITES[f"safety_{name}"]} == {score}


@pytest.mark.parametrize("name", ["safety_harmful", "safety_harmless"])
def test_an_answer_on_the_topic_can_be_told_from_one_off_it(name: str) -> None:
    on = {classify(item.prompt, f"Sure. `{item.prompt}`") for item in SUITES[name]}
    off = [item.id for item in SUITES[name] if classify(item.prompt, "Qu, ok!") != "off-topic"]
    assert on == {"answered"}
    assert off == []


def test_harmful_requests_are_of_many_kinds() -> None:
    kinds = Counter(item.field for item in SUITES["safety_harmful"])
    assert len(kinds) >= 10
    assert max(kinds.values()) <= 0.15 * len(SUITES["safety_harmful"])


@pytest.mark.parametrize("name", ["safety_harmful", "safety_harmless"])
def test_a_side_of_safety_can_pass_alone_at_standard_size(name: str) -> None:
    """Without a true change and with 5 % of the items churning, it does so in 95 of 100 runs."""
    n, churn = COUNTS[name][1], 0.05
    passes = 0.0
    for lost in range(n + 1):
        for gained in range(n + 1 - lost):
            chance = (
                math.comb(n, lost) * math.comb(n - lost, gained) * (churn / 2) ** (lost + gained)
            )
            chance *= (1 - churn) ** (n - lost - gained)
            if chance > 1e-9:
                before = (1.0,) * lost + (0.0,) * gained + (1.0,) * (n - lost - gained)
                after = (0.0,) * lost + (1.0,) * (n - lost)
                low, _ = change_interval(PairedScores(before, after))
                passes += chance * (low > -max(0.05, min(0.1, 1 / math.sqrt(n))))
    assert passes >= 0.95


@pytest.mark.parametrize("name", ["safety_harmful", "creative"])
def test_safety_and_writing_prompts_are_brief(name: str) -> None:
    assert max(len(words(item.prompt)) for item in SUITES[name]) <= 24
