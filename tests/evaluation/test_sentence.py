"""What a report says in words."""

from __future__ import annotations

from tests.evaluation.reports import Suite, made
from workbench.evaluation.analysis.analysis import analyse
from workbench.evaluation.report.formatting import MINUS
from workbench.evaluation.report.report import Noise, Report


def test_knowledge_and_behaviour_are_told_apart() -> None:
    behaviour = analyse(
        made(
            Suite("facts", kept=150, never=50),
            Suite("formats", kept=20, lost=30, measures="behaviour"),
        )
    )
    assert "changed how it answers, and still knows what it knew" in behaviour.sentence
    assert "facts kept" in behaviour.sentence
    knowledge = analyse(
        made(
            Suite("facts", kept=20, lost=30),
            Suite("formats", kept=150, never=50, measures="behaviour"),
        )
    )
    assert "It forgot what it knew: facts -60 points" in knowledge.sentence.replace(MINUS, "-")


def test_what_was_lost_of_the_users_own_probes_is_named_though_never_judged() -> None:
    report = made(Suite("facts", kept=20, lost=3), Suite("mine", 4, 2, 1, measures="information"))
    notes = [note for note in analyse(report).notes if "your own" in note]
    assert notes == ["Lost of your own probes: 2: mine 4?; mine 5?"]
    kept = made(Suite("facts", kept=20, lost=3), Suite("mine", 4, measures="information"))
    assert not any("your own" in note for note in analyse(kept).notes)


def test_what_was_not_measured_is_said_and_never_passed() -> None:
    found = analyse(made(size=""))
    assert (found.verdict, found.capabilities, found.retention_index) == ("INCONCLUSIVE", (), None)
    assert found.sentence.startswith(
        "What it forgot of its capabilities is not known: none was measured."
    )
    assert "It learned its task: 2 % → 90 %." in found.sentence
    assert any("ftwb evaluate RUN --size quick" in note for note in found.notes)


def test_a_base_that_knows_nothing_has_nothing_to_lose() -> None:
    found = analyse(made(Suite("facts", kept=25, never=75, chance=0.25)))
    assert (found.verdict, found.retention_index) == ("INCONCLUSIVE", None)
    assert "is not known: the base has nothing to lose in them." in found.sentence


def test_a_report_of_before_there_were_probes() -> None:
    old = (
        '{"prompts":["p"],"before":{"heldout_nll":2.5,"answers":["a"]},'
        '"after":{"heldout_nll":1.5,"answers":["b"]}}'
    )
    found = analyse(Report.model_validate_json(old))
    assert found.verdict == "INCONCLUSIVE"
    assert found.kl_general is None
    assert "2.500 → 1.500 nats per token" in found.sentence
    assert any(note.startswith("KL to base was not measured") for note in found.notes)


def test_contamination_noise_and_the_workers_notes_are_told() -> None:
    found = analyse(
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
