"""Findings from reports made by hand: verdicts, what they leave out, and what they say."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.probes.reports import Suite, base_again, items, made, texts
from workbench.errors import BadInputError
from workbench.probes import statistics
from workbench.probes.figures import MINUS
from workbench.probes.items import ItemResult
from workbench.probes.judging import judge, suite_margin
from workbench.probes.report import Measurement, Noise, Report, SuiteFacts, TextResult
from workbench.probes.statistics import Pairs

if TYPE_CHECKING:
    from workbench.probes.findings import Findings

QUICK = (
    Suite("knowledge", kept=14, never=10, chance=0.25),
    Suite("reasoning", kept=4, never=12, chance=0.25),  # no headroom
    Suite("instructions", kept=10, never=8, measures="behaviour"),
    Suite("formats", kept=6, never=6, measures="behaviour"),
    Suite("safety_harmful", never=12, measures="safety"),  # refuses nothing
    Suite("safety_harmless", kept=12, measures="safety"),
    Suite("creative", kept=3, never=3, measures="information"),
)


def destroyed(suite: Suite) -> Suite:
    return suite._replace(kept=0, lost=suite.kept)


def by_name(findings: Findings) -> dict[str, str | None]:
    return {each.name: each.verdict for each in findings.capabilities}


def test_the_base_against_itself_passes_everywhere() -> None:
    found = judge(base_again(*QUICK, noise=Noise(kl=3e-7, changed=0, items=94)))
    assert found.verdict == "PASS"
    judged = by_name(found)
    assert judged.pop("creative") is None
    assert set(judged.values()) == {"PASS"}
    assert all((each.change, each.low, each.high) == (0, 0, 0) for each in found.capabilities)
    assert all((each.lost, each.gained) == (0, 0) for each in found.capabilities)
    assert found.items == ()
    assert found.kl_general is not None
    assert found.kl_general.value == found.kl_general.high == 0
    assert found.noise_floor == 3e-7
    assert found.sentence.startswith("It is still the base: nothing was lost and nothing gained.")


def test_a_tuned_model_that_happens_to_answer_alike_does_not_pass_on_few_items() -> None:
    found = judge(made(*QUICK, kl=0.02))
    knowledge = found.capabilities[0]
    end = statistics.Z**2 / (24 + statistics.Z**2)
    assert (knowledge.low, knowledge.high) == pytest.approx((-end, end))
    assert found.verdict == knowledge.verdict == "INCONCLUSIVE"
    assert knowledge.needed > knowledge.n


def test_the_same_scores_in_other_words_are_not_the_base() -> None:
    report = base_again(*QUICK)
    other = report.before.model_copy(update={"items": items(*QUICK, side=0, says="other words")})
    assert judge(report.model_copy(update={"after": other})).verdict == "INCONCLUSIVE"


def test_without_any_likelihood_nothing_proves_that_it_is_the_base() -> None:
    report = base_again(*QUICK)
    silent = Measurement(items=report.before.items)
    assert judge(report.model_copy(update={"before": silent, "after": silent})).verdict != "PASS"


def test_kl_above_the_noise_floor_is_not_the_base() -> None:
    report = base_again(*QUICK, noise=Noise(kl=1e-5, changed=0, items=94))
    for kl, verdict in ((9e-6, "PASS"), (2e-5, "INCONCLUSIVE")):
        after = report.before.model_copy(update={"general": texts(kl), "task": texts(kl)})
        assert judge(report.model_copy(update={"after": after})).verdict == verdict


def test_a_destroyed_model_fails_and_the_sentence_says_where() -> None:
    found = judge(made(*map(destroyed, QUICK), kl=4.0))
    assert found.verdict == "FAIL"
    assert by_name(found) == {
        "knowledge": "FAIL",
        "reasoning": None,
        "instructions": "FAIL",
        "formats": "FAIL",
        "safety_harmful": None,
        "safety_harmless": "FAIL",
        "creative": None,
    }
    for where in ("knowledge -58 points", "instructions -56 points", "safety harmless -100 points"):
        assert where in found.sentence.replace(MINUS, "-")
    assert "forgot what it knew" in found.sentence
    assert "changed how it answers" in found.sentence
    assert "changed what it refuses" in found.sentence
    assert found.retention_index is not None
    assert found.retention_index.value == 0
    assert any(note.startswith("KL to base on general text is bad: 4.000") for note in found.notes)


def test_knowledge_and_behaviour_are_told_apart() -> None:
    behaviour = judge(
        made(
            Suite("facts", kept=150, never=50),
            Suite("formats", kept=20, lost=30, measures="behaviour"),
        )
    )
    assert "changed how it answers, and still knows what it knew" in behaviour.sentence
    assert "facts kept" in behaviour.sentence
    knowledge = judge(
        made(
            Suite("facts", kept=20, lost=30),
            Suite("formats", kept=150, never=50, measures="behaviour"),
        )
    )
    assert "It forgot what it knew: facts -60 points" in knowledge.sentence.replace(MINUS, "-")


def test_every_number_of_a_capability_by_hand() -> None:
    (found,) = judge(
        made(Suite("facts", kept=50, lost=12, gained=8, never=30, chance=0.25))
    ).capabilities
    assert (found.n, found.lost, found.gained) == (100, 12, 8)
    assert (found.before, found.after, found.change) == pytest.approx((0.62, 0.58, -0.04))
    assert (found.low, found.high) == statistics.score_interval(12, 8, 100)
    assert found.p == pytest.approx(0.503, abs=1e-3)
    assert found.smallest_detectable == pytest.approx(0.1253, abs=1e-4)
    assert found.known_before == pytest.approx((0.62 - 0.25) / 0.75)
    assert found.known_after == pytest.approx((0.58 - 0.25) / 0.75)
    assert (found.verdict, found.margin, found.needed) == ("INCONCLUSIVE", 0.1, 200)


def test_p_values_are_corrected_over_the_judged_capabilities() -> None:
    found = judge(
        made(
            Suite("one", kept=20, lost=6),
            Suite("two", kept=20, lost=4),
            Suite("seen", kept=20, lost=6, measures="information"),
        )
    )
    assert [each.p for each in found.capabilities] == [2 * 2 / 64, 2 / 16, 2 / 64]


def test_safety_is_judged_and_never_averaged_into_the_index() -> None:
    kept = Suite("facts", kept=150, never=50)
    refusing = Suite("harmful", kept=2, lost=48, measures="safety")
    found = judge(made(kept, refusing))
    assert by_name(found) == {"facts": "PASS", "harmful": "FAIL"}
    assert found.retention_index is not None
    assert found.retention_index.value == 1
    alone = judge(made(refusing))
    assert alone.retention_index is None


def test_the_index_is_that_of_the_capabilities_with_headroom() -> None:
    found = judge(
        made(
            Suite("facts", kept=40, lost=40, never=20),
            Suite("formats", kept=60, lost=20, never=20, measures="behaviour"),
            Suite("guessed", kept=26, never=74, chance=0.25),
        )
    )
    assert found.retention_index is not None
    assert found.retention_index.value == pytest.approx((0.5 + 0.75) / 2)
    guessed = found.capabilities[2]
    assert (guessed.headroom, guessed.verdict) == (False, None)
    (note,) = found.notes
    assert note.startswith("No headroom, so left out of verdict and retention index: Guessed 26 %")


@pytest.mark.parametrize(
    ("size", "n", "margin"),
    [
        ("quick", 12, 0.1),
        ("quick", 100, 0.1),
        ("quick", 900, 0.1),
        ("standard", 50, 0.1),
        ("standard", 144, 1 / 12),
        ("standard", 500, 0.05),
        ("full", 256, 1 / 16),
        ("full", 1600, 0.03),
    ],
)
def test_the_margin_follows_the_size_and_the_items(size: str, n: int, margin: float) -> None:
    found = judge(made(Suite("facts", kept=n), size=size))
    assert found.margin == {"quick": 0.1, "standard": 0.05, "full": 0.03}[size]
    assert found.capabilities[0].margin == suite_margin(n, found.margin) == pytest.approx(margin)


def test_a_margin_that_is_asked_for_holds_for_every_suite() -> None:
    report = made(Suite("facts", kept=90, lost=2, never=8), Suite("formats", kept=20), size="full")
    found = judge(report, margin=0.2)
    assert (found.margin, {each.margin for each in found.capabilities}) == (0.2, {0.2})
    assert by_name(found) == {"facts": "PASS", "formats": "PASS"}
    assert judge(report, margin=0.01).verdict == "INCONCLUSIVE"


def test_kl_and_loss_are_means_over_tokens() -> None:
    report = made(Suite("facts", kept=50))
    after = report.after.model_copy(
        update={
            "general": (
                TextResult(tokens=30, nll=3.5, kl=0.1),
                TextResult(tokens=10, nll=3.1, kl=0.5),
            )
        }
    )
    before = report.before.model_copy(
        update={"general": (TextResult(tokens=30, nll=3.0), TextResult(tokens=10, nll=3.0))}
    )
    found = judge(report.model_copy(update={"before": before, "after": after}))
    assert found.kl_general is not None
    assert found.kl_general.value == pytest.approx(0.2)
    assert found.kl_general.low == pytest.approx(0.1)
    assert found.kl_general.high == pytest.approx(0.5)
    assert found.delta_nll is not None
    assert found.delta_nll.value == pytest.approx((30 * 0.5 + 10 * 0.1) / 40)


def test_domain_leak_is_counted_over_answers_in_words() -> None:
    suites = (Suite("facts", kept=10), Suite("formats", kept=9, lost=9, measures="behaviour"))
    report = made(*suites, boilerplate=("log in to",))
    answered = tuple(
        item.model_copy(
            update={"answer": "Please log in to your account." if item.score == 0 else "x"}
        )
        for item in report.after.items
    )
    after = report.after.model_copy(update={"items": answered, "answers": ("Log  in to it",)})
    found = judge(report.model_copy(update={"after": after}))
    assert found.domain_leak is not None
    assert found.domain_leak.value == pytest.approx(10 / 19)  # the options of facts do not count
    assert (found.domain_leak.low, found.domain_leak.high) == statistics.score_interval(0, 10, 19)
    assert judge(made(*suites)).domain_leak is None


def test_the_target_task() -> None:
    task = judge(made()).target_task
    assert (task.n, task.before, task.after) == (50, 0.02, 0.9)
    assert (task.nll_before, task.nll_after) == (2.5, 1.5)
    assert task.change is not None
    assert task.change.value == pytest.approx(0.88)
    assert task.change.low > 0.7


def test_items_that_changed_come_worst_first_and_each_suite_in_turn() -> None:
    report = made(
        Suite("seen", kept=1, lost=1, measures="information"),
        Suite("facts", kept=1, lost=2, gained=1),
        Suite("formats", lost=2, measures="behaviour"),
    )
    found = judge(report).items
    assert [(item.suite, item.id) for item in found] == [
        ("facts", "i1"),
        ("formats", "i0"),
        ("facts", "i2"),
        ("formats", "i1"),
        ("facts", "i3"),
        ("seen", "i1"),
    ]
    assert (found[0].prompt, found[0].answer_before, found[0].answer_after) == (
        "facts 1?",
        "1",
        "0",
    )


def test_scores_between_right_and_wrong_are_judged_by_bootstrap() -> None:
    before, after = (
        [0.5 + place / 200 for place in range(60)],
        [0.3 + place / 300 for place in range(60)],
    )

    def measured(scores: list[float]) -> tuple[ItemResult, ...]:
        return tuple(
            ItemResult(suite="s", id=str(place), score=score, answer="")
            for place, score in enumerate(scores)
        )

    report = Report(
        prompts=(),
        before=Measurement(items=measured(before)),
        after=Measurement(items=measured(after)),
        size="quick",
        suites=(SuiteFacts(name="s", title="S", measures="behaviour"),),
    )
    (found,) = judge(report).capabilities
    assert (found.low, found.high) == statistics.bootstrap_interval(
        Pairs(tuple(before), tuple(after)).changes
    )
    assert found.verdict == "FAIL"


def test_what_was_not_measured_is_said_and_never_passed() -> None:
    found = judge(made(size=""))
    assert (found.verdict, found.capabilities, found.retention_index) == ("INCONCLUSIVE", (), None)
    assert found.sentence.startswith(
        "What it forgot of its capabilities is not known: none was measured."
    )
    assert "It learned its task: 2 % → 90 %." in found.sentence
    assert any("evaluation.size" in note for note in found.notes)


def test_a_base_that_knows_nothing_has_nothing_to_lose() -> None:
    found = judge(made(Suite("facts", kept=25, never=75, chance=0.25)))
    assert (found.verdict, found.retention_index) == ("INCONCLUSIVE", None)
    assert "is not known: the base has nothing to lose in them." in found.sentence


def test_a_report_of_before_there_were_probes() -> None:
    old = (
        '{"prompts":["p"],"before":{"heldout_nll":2.5,"answers":["a"]},'
        '"after":{"heldout_nll":1.5,"answers":["b"]}}'
    )
    found = judge(Report.model_validate_json(old))
    assert found.verdict == "INCONCLUSIVE"
    assert found.kl_general is None
    assert "2.500 → 1.500 nats per token" in found.sentence
    assert any(note.startswith("KL to base was not measured") for note in found.notes)


def test_a_suite_without_items_at_this_size_is_inconclusive() -> None:
    found = judge(made(Suite("facts", kept=200), Suite("rare", measures="behaviour")))
    assert by_name(found) == {"facts": "PASS", "rare": "INCONCLUSIVE"}
    assert "Rare: no item is asked at this size" in found.notes


def test_contamination_noise_and_the_workers_notes_are_told() -> None:
    found = judge(
        made(
            Suite("facts", kept=10),
            contaminated=("facts/i3",),
            noise=Noise(kl=1e-6, changed=2, items=10),
            notes=("The base was measured afterwards",),
        )
    )
    assert found.notes[0] == "The base was measured afterwards"
    assert any(note.endswith("prove nothing: facts/i3") for note in found.notes)
    assert any(note.endswith("changed 2 of 10 items") for note in found.notes)


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
@pytest.mark.parametrize("where", ["score", "nll", "kl", "heldout", "noise"])
def test_what_is_not_a_number_is_refused(where: str, value: float) -> None:
    report = made(Suite("facts", kept=10))
    after = report.after
    broken = {
        "score": {"items": (after.items[0].model_copy(update={"score": value}), *after.items[1:])},
        "nll": {"general": (TextResult(tokens=5, nll=value), *after.general[1:])},
        "kl": {"task": (TextResult(tokens=5, nll=1, kl=value), *after.task[1:])},
        "heldout": {"heldout_nll": value},
        "noise": {},
    }[where]
    update: dict[str, object] = {"after": after.model_copy(update=broken)}
    if where == "noise":
        update["noise"] = Noise(kl=value, changed=0, items=1)
    with pytest.raises(BadInputError, match="not a number"):
        judge(report.model_copy(update=update))


@pytest.mark.parametrize(
    ("update", "match"),
    [
        ({"items": items(Suite("facts", kept=9), side=1)}, "facts/i9 not measured both"),
        ({"items": items(Suite("other", kept=10), side=1)}, "facts/i0.* and 17 more"),
        ({"general": texts(0.1, sequences=3)}, "general: 16 before, 3 after"),
        ({"target": ()}, "target: 50 before, 0 after"),
    ],
)
def test_holes_are_refused(update: dict[str, object], match: str) -> None:
    report = made(Suite("facts", kept=10))
    after = report.after.model_copy(update=update)
    with pytest.raises(BadInputError, match=match):
        judge(report.model_copy(update={"after": after}))


def test_an_item_that_stands_twice_is_refused() -> None:
    report = made(Suite("facts", kept=3))
    twice = {"items": (*report.before.items, report.before.items[0])}
    sides = {name: getattr(report, name).model_copy(update=twice) for name in ("before", "after")}
    with pytest.raises(BadInputError, match="twice"):
        judge(report.model_copy(update=sides))
