"""Findings in words."""

from __future__ import annotations

from tests.evaluation.reports import Suite, make_report
from workbench.evaluation.analysis.analysis import analyse
from workbench.evaluation.analysis.formatting import MINUS
from workbench.evaluation.report import Noise, Report


def test_knowledge_and_behaviour_are_told_apart() -> None:
    behaviour = analyse(
        make_report(
            Suite("facts", kept=150, never=50),
            Suite("formats", kept=20, lost=30, measures="behaviour"),
        )
    )
    assert "changed how it answers but kept its knowledge" in behaviour.sentence
    assert "facts kept" in behaviour.sentence
    knowledge = analyse(
        make_report(
            Suite("facts", kept=20, lost=30),
            Suite("formats", kept=150, never=50, measures="behaviour"),
        )
    )
    assert "The model forgot knowledge: facts -60 points" in knowledge.sentence.replace(MINUS, "-")


def test_losses_in_the_users_own_suite_are_listed_but_not_judged() -> None:
    report = make_report(
        Suite("facts", kept=20, lost=3), Suite("mine", 4, 2, 1, measures="information")
    )
    notes = [note for note in analyse(report).notes if "your own" in note]
    assert notes == ["Lost in your own probes: 2: mine 4?; mine 5?"]
    kept = make_report(Suite("facts", kept=20, lost=3), Suite("mine", 4, measures="information"))
    assert not any("your own" in note for note in analyse(kept).notes)


def test_an_unmeasured_run_is_inconclusive() -> None:
    findings = analyse(make_report(size=""))
    assert (findings.verdict, findings.capabilities, findings.retention_index) == (
        "INCONCLUSIVE",
        (),
        None,
    )
    assert findings.sentence == (
        "Forgetting was not measured: no probe suite was asked. "
        "The target task was learned: 2 % → 90 %."
    )
    assert any("ftwb evaluate RUN --size quick" in note for note in findings.notes)


def test_a_base_that_knows_nothing_has_nothing_to_lose() -> None:
    findings = analyse(make_report(Suite("facts", kept=25, never=75, chance=0.25)))
    assert (findings.verdict, findings.retention_index) == ("INCONCLUSIVE", None)
    assert "Forgetting was not measured: the base has nothing to lose" in findings.sentence


def test_a_report_without_probes_or_text() -> None:
    old = (
        '{"prompts":["p"],"before":{"heldout_nll":2.5,"answers":["a"]},'
        '"after":{"heldout_nll":1.5,"answers":["b"]}}'
    )
    findings = analyse(Report.model_validate_json(old))
    assert findings.verdict == "INCONCLUSIVE"
    assert findings.kl_general is None
    assert "2.500 → 1.500 nats per token" in findings.sentence
    assert any(note.startswith("KL to base was not measured") for note in findings.notes)


def test_notes_list_contamination_noise_and_remarks_of_the_measurement() -> None:
    findings = analyse(
        make_report(
            Suite("facts", kept=10),
            contaminated=("facts/i3",),
            noise=Noise(kl=1e-6, changed=2, items=10),
            notes=("The base was measured afterwards",),
        )
    )
    assert findings.notes[0] == "The base was measured afterwards"
    assert any(note.endswith("left out of verdict and index: facts/i3") for note in findings.notes)
    assert any(note.endswith("on 2 of 10 items") for note in findings.notes)
