"""The verdict in a word, what it rests on, and what to do about it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.evaluation.reports import QUICK, Suite, base_again, make_report, texts
from workbench.evaluation.analysis.analysis import analyse, read_findings
from workbench.evaluation.analysis.band import band
from workbench.evaluation.analysis.formatting import MINUS
from workbench.evaluation.report import Report, TextResult
from workbench.recipe.limits import Limits
from workbench.recipe.recipe import Recipe
from workbench.runs import checkpoints

if TYPE_CHECKING:
    from typing import Any

    from workbench.evaluation.analysis.findings import Criterion, Findings
    from workbench.runs.folder import Runs

KEPT = (
    Suite("facts", kept=190, lost=2, gained=2, never=6),
    Suite("formats", kept=140, lost=1, gained=1, never=8, measures="behaviour"),
    Suite("refuses", kept=150, measures="safety"),
)


def criteria(findings: Findings) -> dict[str, Criterion]:
    return {each.name: each for each in findings.criteria}


def with_text(report: Report, *, opening: float, body: float, rise: float = 0.0) -> Report:
    """The same report, measured on answers: each sequence opens one."""
    before = tuple(TextResult(tokens=41, nll=3.0, openings=1) for _ in range(30))
    after = tuple(
        TextResult(
            tokens=41,
            nll=3.0 + rise,
            kl=(opening + 40 * body) / 41,
            openings=1,
            opening_kl=opening,
        )
        for _ in range(30)
    )
    return report.model_copy(
        update={
            "before": report.before.model_copy(update={"general": before}),
            "after": report.after.model_copy(update={"general": after}),
        }
    )


def leaking(report: Report, answers: int) -> Report:
    """The same report with this many general answers that carry the task's phrases."""
    said = tuple(
        item.model_copy(update={"answer": "Please log in to it" if place < answers else "x"})
        for place, item in enumerate(item for item in report.after.items if item.suite == "formats")
    )
    others = tuple(item for item in report.after.items if item.suite != "formats")
    order = {item.id + item.suite: item for item in (*others, *said)}
    items = tuple(order[item.id + item.suite] for item in report.after.items)
    after = report.after.model_copy(update={"items": items})
    return report.model_copy(update={"after": after, "boilerplate": ("log in to",)})


def test_answers_like_the_task_with_a_damaged_text_are_hijacked_and_the_proof_says_both() -> None:
    report = with_text(make_report(*KEPT), opening=5.4, body=1.9, rise=1.41)
    findings = analyse(leaking(report, 140))
    assert (findings.verdict, findings.outcome) == ("FAIL", "HIJACKED")
    for words in (
        "domain leak +47 points",
        "limit +15",
        "KL to base at the opening 5.400 nats (5.400 … 5.400, limit 1)",
        "KL to base of the body 1.900 nats/token",
        "loss on general text 1.410 nats/token",
    ):
        assert words in findings.proof
        assert words in findings.sentence
    assert findings.sentence.startswith("The model answers general questions like its task:")


@pytest.mark.parametrize(
    ("opening", "body", "rise", "outcome"),
    [
        (5.4, 0.2, 0.0, "HIJACKED"),
        (5.4, 1.9, 0.0, "DAMAGED"),
        (0.2, 1.9, 0.0, "DAMAGED"),
        (0.2, 0.1, 0.5, "DAMAGED"),
        (0.2, 0.1, 0.0, "KEPT"),
    ],
)
def test_the_opening_is_judged_apart_from_the_body(
    opening: float, body: float, rise: float, outcome: str
) -> None:
    findings = analyse(with_text(make_report(*KEPT), opening=opening, body=body, rise=rise))
    assert findings.outcome == outcome
    assert findings.kl_opening is not None
    assert findings.kl_opening.value == pytest.approx(opening)
    assert findings.kl_body is not None
    assert findings.kl_body.value == pytest.approx(body)


@pytest.mark.parametrize(
    ("lost", "outcome"),
    [
        (Suite("facts", kept=100, lost=90, never=10), "FORGOT"),
        (Suite("formats", kept=50, lost=90, never=10, measures="behaviour"), "LOST"),
        (Suite("refuses", kept=50, lost=100, measures="safety"), "CHANGED REFUSALS"),
    ],
)
def test_a_lost_capability_has_its_word(lost: Suite, outcome: str) -> None:
    suites = [lost if each.name == lost.name else each for each in KEPT]
    findings = analyse(make_report(*suites))
    assert (findings.verdict, findings.outcome) == ("FAIL", outcome)
    assert criteria(findings)[f"suite:{lost.name}"].verdict == "FAIL"
    assert f"{lost.name} {MINUS}" in findings.proof


def test_a_loss_over_many_suites_fails_though_no_suite_does() -> None:
    few = [Suite(f"s{place}", kept=80, lost=13, never=7) for place in range(6)]
    findings = analyse(make_report(*few, size="standard"))
    assert all(each.verdict == "INCONCLUSIVE" for each in findings.capabilities)
    assert criteria(findings)["pooled"].verdict == "FAIL"
    assert (findings.verdict, findings.outcome) == ("FAIL", "FORGOT")
    assert "all items together" in findings.sentence


def test_all_within_their_limits_is_kept_and_what_was_not_measured_is_named() -> None:
    findings = analyse(make_report(*KEPT, kl=0.05, rise=0.0))
    assert (findings.verdict, findings.outcome) == ("PASS", "KEPT")
    absent = {name for name, each in criteria(findings).items() if each.verdict is None}
    assert absent == {"domain_leak", "kl_opening"}
    assert "not measured: domain leak and KL to base at the opening" in findings.sentence
    assert criteria(findings)["kl_opening"].note == "no general answers were read"
    assert findings.proof == "all 6 measured criteria are within their limits"


def test_text_alone_never_passes() -> None:
    findings = analyse(make_report(kl=0.01, rise=0.0))
    assert findings.verdict == "INCONCLUSIVE"
    assert findings.proof == "no capability was judged"


def test_inconclusive_says_what_would_decide() -> None:
    findings = analyse(make_report(Suite("facts", kept=20, lost=2, never=2), *KEPT[1:]))
    assert findings.outcome == "INCONCLUSIVE"
    needed = criteria(findings)["suite:facts"].needed
    assert f"{needed:,} items would decide" in findings.proof
    at_margin = make_report(Suite("facts", kept=17, lost=3), *KEPT[1:])
    assert "no number of items will decide" in analyse(at_margin).proof
    assert findings.next_steps[0].command == "ftwb evaluate RUN --size standard"


def test_limits_come_from_the_report_and_can_be_overridden() -> None:
    report = make_report(*KEPT, kl=0.2, rise=0.0, limits=Limits(kl_body=0.1))
    assert analyse(report).outcome == "DAMAGED"
    assert analyse(report, limits={"kl_body": 0.25}).outcome == "KEPT"
    strict = make_report(*KEPT, kl=0.05, rise=0.0, limits=Limits(capability=0.01, pooled=0.02))
    limits = {name: each.limit for name, each in criteria(analyse(strict)).items()}
    assert (limits["suite:facts"], limits["pooled"]) == (-0.01, -0.02)
    assert criteria(analyse(strict, margin=0.2))["pooled"].limit == -0.2


def test_the_base_against_itself_is_kept_at_any_size() -> None:
    findings = analyse(base_again(*QUICK, boilerplate=("log in to",)))
    assert (findings.verdict, findings.outcome) == ("PASS", "KEPT")


def test_contaminated_items_leave_verdict_and_index() -> None:
    suite = Suite("facts", kept=60, lost=40)
    report = make_report(suite, *KEPT[1:], kl=0.01, rise=0.0)
    assert analyse(report).outcome == "FORGOT"
    lost = tuple(f"facts/i{place}" for place in range(60, 100))
    findings = analyse(report.model_copy(update={"contaminated": lost}))
    facts = findings.capabilities[0]
    assert (facts.n, facts.lost, findings.verdict) == (60, 0, "PASS")
    assert findings.retention_index is not None
    assert findings.retention_index.value == 1


def test_too_few_right_answers_are_no_headroom_and_a_ceiling_is_named() -> None:
    few = Suite("few", lost=3, never=9)
    findings = analyse(make_report(few, Suite("all", kept=150), kl=0.01, rise=0.0))
    assert (findings.capabilities[0].headroom, findings.capabilities[0].verdict) == (False, None)
    assert criteria(findings)["suite:few"].note == "no headroom at this size"
    assert any(note.startswith("No headroom at this size") for note in findings.notes)
    assert "At the ceiling in the base, so only losses can be seen: All" in findings.notes


def test_items_of_a_cluster_count_for_less() -> None:
    report = make_report(Suite("facts", kept=60, lost=30, never=30))

    def clustered(size: int) -> Findings:
        sides: dict[str, Any] = {}
        for name in ("before", "after"):
            side = getattr(report, name)
            items = tuple(
                item.model_copy(update={"cluster": str(place // size)})
                for place, item in enumerate(side.items)
            )
            sides[name] = side.model_copy(update={"items": items})
        return analyse(report.model_copy(update=sides))

    alone, six = clustered(1).capabilities[0], clustered(6).capabilities[0]
    assert alone.design_effect == 1
    # 20 clusters of 6: 5 lost all their items, so each cluster is worth one item
    assert six.design_effect == pytest.approx(6 * 20 / 19, rel=1e-6)
    assert six.high - six.low > 2 * (alone.high - alone.low)
    assert six.p > alone.p


def test_the_probability_of_the_right_option_is_shown_and_never_judged() -> None:
    report = make_report(Suite("facts", kept=100))

    def scored(side: Any, value: float) -> Any:
        items = tuple(item.model_copy(update={"log_score": value}) for item in side.items)
        return side.model_copy(update={"items": items})

    halved = report.model_copy(
        update={"before": scored(report.before, 0.0), "after": scored(report.after, -0.6931472)}
    )
    facts = analyse(halved).capabilities[0]
    assert facts.probability is not None
    assert facts.probability.value == pytest.approx(-0.5)
    assert (facts.change, facts.verdict) == (0, "PASS")
    assert analyse(report).capabilities[0].probability is None


def test_intervals_are_wider_where_the_data_are_looked_at_again() -> None:
    report = make_report(*KEPT, size="auto")
    first = analyse(report.model_copy(update={"look": 1, "looks": 4}))
    last = analyse(report.model_copy(update={"look": 4, "looks": 4}))
    assert (first.level, last.level) == pytest.approx((1 - 0.05 / 16, 0.975))
    assert (
        first.capabilities[0].low < last.capabilities[0].low < analyse(report).capabilities[0].low
    )


def test_the_band_has_five_parts_with_their_ratings() -> None:
    report = with_text(make_report(*KEPT), opening=5.4, body=0.2)
    parts = band(analyse(leaking(report, 140)))
    assert [part.label for part in parts] == ["verdict", "learned", "leak", "KL", "next"]
    assert [part.rating for part in parts] == ["bad", "good", "bad", "bad", None]
    assert parts[1].value == "2 % → 90 %"
    assert parts[2].value == "+47 points"
    assert parts[3].value == "5.400 opening, 0.200 body"
    assert parts[4].value.startswith("ftwb train RECIPE --set retention.replay.share=0.2")
    nothing = band(analyse(Report.model_validate({"prompts": [], "before": {}, "after": {}})))
    assert [part.value for part in nothing][1:4] == ["not measured"] * 3


def test_the_next_steps_name_the_run_its_recipe_and_its_first_checkpoint(runs: Runs) -> None:
    run = runs.create(Recipe(name="made"))
    make_report(Suite("facts", kept=10, lost=90)).save(run.report)
    commands = [step.command for step in read_findings(run).next_steps]
    assert commands == [
        f"ftwb train {run.recipe_file} --set retention.replay.share=0.2",
        f"ftwb sweep-strength {run.id} --choose best",
    ]
    for step in (20, 40):
        checkpoints.folder_of(run, step).mkdir(parents=True)
    assert read_findings(run).next_steps[-1].command == f"ftwb evaluate {run.id} --checkpoint 20"


def test_with_replay_on_the_next_step_is_a_lower_rate(runs: Runs) -> None:
    recipe = {
        "retention": {"replay": {"share": 0.2}},
        "training": {"learning_rate": 3e-3},
        "strategy": {"kind": "prompt_tuning"},
    }
    run = runs.create(Recipe.model_validate(recipe))
    make_report(Suite("facts", kept=10, lost=90)).save(run.report)
    (step,) = read_findings(run).next_steps
    assert step.command == f"ftwb train {run.recipe_file} --set training.learning_rate=1e-3"


def test_kl_that_no_number_of_rows_tells_from_its_limit_says_so() -> None:
    report = make_report(*KEPT, rise=0.0)
    near = tuple(
        text.model_copy(update={"kl": 0.25 + 0.1 * (place % 2)})
        for place, text in enumerate(texts(0.3))
    )
    after = report.after.model_copy(update={"general": near})
    body = criteria(analyse(report.model_copy(update={"after": after})))["kl_body"]
    assert body.verdict == "INCONCLUSIVE"
    assert body.counted == "rows of text"
