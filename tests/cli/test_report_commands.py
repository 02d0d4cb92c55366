"""``ftwb report`` and ``ftwb gate``: pages, JSON, files and exit codes."""

from __future__ import annotations

import importlib.util
import json
import re
import subprocess
import sys
from importlib import resources
from typing import TYPE_CHECKING

import pytest

from tests.evaluation.reports import BENCHMARK, Suite, make_report
from workbench.evaluation.analysis.analysis import analyse
from workbench.evaluation.analysis.benchmarks import BenchmarkRound, append_round
from workbench.recipe.recipe import Recipe
from workbench.runs.events import EventLog
from workbench.runs.status import Status

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.cli.conftest import Ended
    from workbench.runs.folder import RunFolder, Runs

    Ftwb = Callable[..., Ended]

EVIL = "\x1b[2J<script> [bold]x[/bold] \x9b31m"
REPORT = make_report(
    Suite("general_knowledge", kept=150, lost=3, never=47, chance=0.25),
    Suite("instruction_following", kept=20, lost=40, measures="behaviour"),
    Suite("harmless_look-alikes", kept=11, lost=1, measures="safety"),
    Suite("creative", kept=3, lost=3, measures="information"),
    kl=0.2,
)


@pytest.fixture
def run(runs: Runs, monkeypatch: pytest.MonkeyPatch) -> RunFolder:
    monkeypatch.setenv("COLUMNS", "80")
    made_run = runs.create(Recipe(name="made"))
    items = tuple(item.model_copy(update={"answer": EVIL}) for item in REPORT.after.items)
    after = REPORT.after.model_copy(update={"items": items})
    REPORT.model_copy(update={"after": after}).save(made_run.report)
    log = EventLog(made_run.events)
    for step in (25, 50, 75):
        log.append("retention", step, kl=step / 500)
    return made_run


def test_the_page_says_the_verdict_first_and_fits_80_columns(ftwb: Ftwb, run: RunFolder) -> None:
    ended = ftwb("report", "last")
    assert ended.code == 0
    lines = ended.out.splitlines()
    assert lines[0].split() == ["LOST", "FAIL", run.id, "(made)"]
    assert max(map(len, lines)) <= 80
    assert "learned 2 % → 90 %" in lines[1]
    assert "KL 0.200" in lines[1]
    assert "The model changed how it answers" in lines[2]
    row = next(line for line in lines if "General knowledge" in line)
    assert row.split()[2:5] == ["200", "0.77", "0.75"]
    assert row.rstrip().endswith("PASS")
    assert "\x1b" not in ended.out
    assert "\x9b" not in ended.out
    assert "[bold]x[/bold]" in ended.out


def test_the_page_shows_every_verdict_and_the_detectable_changes(
    ftwb: Ftwb, run: RunFolder
) -> None:
    out = " ".join(ftwb("report", run.id).out.split())
    for word in ("PASS", "FAIL", "INCONCLUSIVE", "not judged", "margin 10 points", "sees"):
        assert word in out
    assert "items needed to decide: Harmless look-alikes 135" in out
    assert "items that changed: 47 lost, 0 gained; the 6 worst" in out


def test_json_is_all_findings(ftwb: Ftwb, run: RunFolder) -> None:
    ended = ftwb("report", "last", "--json")
    shown = json.loads(ended.out)
    expected = analyse(REPORT).model_dump(mode="json")
    assert shown.pop("run") == run.id
    assert shown.keys() == expected.keys()
    assert shown["capabilities"] == expected["capabilities"]
    assert shown["items"][0]["answer_after"] == EVIL
    assert {
        "verdict",
        "retention_index",
        "kl_general",
        "kl_task",
        "delta_nll",
        "domain_leak",
    } <= set(shown)
    assert "\x9b" not in ended.out


def test_html_goes_to_a_file(ftwb: Ftwb, run: RunFolder, tmp_path: Path) -> None:
    path = tmp_path / "report.html"
    ended = ftwb("report", "last", "--html", "--output", path)
    assert (ended.code, ended.out) == (0, "")
    assert str(path) in ended.err
    html = path.read_text(encoding="utf-8")
    assert html.startswith("<!doctype html>")
    assert "polyline" in html  # KL as it was watched
    assert "<script>" not in html
    assert run.recipe().strategy.card.title in html


def test_markdown_goes_to_stdout(ftwb: Ftwb, run: RunFolder) -> None:
    assert ftwb("report", "last", "--md").out.startswith(f"# LOST - {run.id}\n")


def test_an_output_needs_a_form_and_a_folder(ftwb: Ftwb, run: RunFolder, tmp_path: Path) -> None:
    assert ftwb("report", "last", "--output", tmp_path / "x").code == 2
    ended = ftwb("report", run.id, "--md", "--output", tmp_path / "nowhere" / "x.md")
    assert ended.code == 2
    assert "cannot be written" in ended.err


@pytest.mark.parametrize("forms", [("--json", "--md"), ("--html", "--json")])
def test_two_forms_at_once_are_refused(ftwb: Ftwb, run: RunFolder, forms: tuple[str, str]) -> None:
    ended = ftwb("report", run.id, *forms)
    assert (ended.code, ended.out) == (2, "")
    assert all(form in ended.err for form in forms)


@pytest.fixture
def benchmarked(run: RunFolder) -> RunFolder:
    """The run with a paired score, and with one of which no more than the score is known."""
    bare = {"task": "ppl", "change": None, "before_error": None, "lost": None, "gained": None}
    append_round(
        run,
        BenchmarkRound(
            measured=1.0,
            versions={"lm_eval": "0.4.13"},
            device="cpu",
            dtype="float32",
            batch_size=8,
            limit=100,
            chat_template=False,
            scores=(BENCHMARK, BENCHMARK.model_copy(update=bare)),
        ),
    )
    return run


@pytest.mark.parametrize("form", ["", "--md", "--html"])
def test_standard_benchmarks_have_their_own_section(
    ftwb: Ftwb, benchmarked: RunFolder, form: str
) -> None:
    out = ftwb("report", benchmarked.id, *filter(None, [form])).out
    text = re.sub(r"<[^>]*>|[|]", " ", out.replace("\\", "")) if form else out
    text = " ".join(text.split())
    assert "standard benchmarks" in text.casefold()
    assert "Shown, never judged" in text
    for said in (
        "100 of 2,376",
        "0.500 ± 0.050",
        "0.430 ± 0.050",
        "\u22120.070",
        "9 lost, 2 gained",
    ):
        assert said in text, text
    assert "v1.0, 0-shot" in text
    assert "arc_[easy]" in text
    if not form:
        assert max(map(len, out.splitlines())) <= 80


def test_json_holds_the_benchmarks_too(ftwb: Ftwb, benchmarked: RunFolder) -> None:
    first, second = json.loads(ftwb("report", benchmarked.id, "--json").out)["benchmarks"]
    assert first == BENCHMARK.model_dump(mode="json")
    assert (second["task"], second["change"]) == ("ppl", None)
    assert ftwb("gate", benchmarked.id).code == 1


def test_a_run_without_benchmarks_has_no_such_section(ftwb: Ftwb, run: RunFolder) -> None:
    for form in ("--md", "--html"):
        assert "tandard benchmarks" not in ftwb("report", run.id, form).out


def test_benchmarks_need_the_harness(
    ftwb: Ftwb, run: RunFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    find = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name: None if name == "lm_eval" else find(name)
    )
    ended = ftwb("benchmark", run.id, "--tasks", "arc_easy")
    assert ended.code == 3
    assert ended.err.endswith("not installed: pip install 'ftwb[lm-eval]'\n")


def test_report_and_gate_take_the_same_margin(ftwb: Ftwb, run: RunFolder) -> None:
    shown = json.loads(ftwb("report", run.id, "--json", "--margin", "90").out)
    assert (shown["margin"], shown["verdict"]) == (0.9, "PASS")


def test_a_run_without_a_report(ftwb: Ftwb, runs: Runs) -> None:
    young = runs.create(Recipe(name="made"))
    ended = ftwb("report", "last")
    assert ended.code == 2
    assert ended.err.endswith("has no report yet: it is queued and is evaluated at its end\n")
    young.model.mkdir()
    assert ftwb("report", "last").err == ended.err
    (young.model / "adapter_model.safetensors").touch()
    Status(state="stopped").save(young.status_file)
    assert f"'ftwb evaluate {young.id}' measures it" in ftwb("report", "last").err


@pytest.mark.parametrize(("margin", "code", "word"), [("10", 1, "FAIL"), ("90", 0, "PASS")])
def test_the_gate_exits_with_its_verdict(
    ftwb: Ftwb, run: RunFolder, margin: str, code: int, word: str
) -> None:
    ended = ftwb("gate", run.id, "--margin", margin)
    assert ended.code == code
    assert word in ended.out.splitlines()[0].split()
    assert run.id in ended.out.splitlines()[0]


def test_the_gate_names_every_criterion_and_takes_its_limits(ftwb: Ftwb, run: RunFolder) -> None:
    ended = ftwb(
        "gate", run.id, "--json", "--margin", "90", "--kl-body", "0.1", "--domain-leak", 20
    )
    decision = json.loads(ended.out)
    limits = {each["name"]: each["limit"] for each in decision["criteria"]}
    assert (decision["outcome"], ended.code) == ("DAMAGED", 1)
    assert (limits["kl_body"], limits["domain_leak"], limits["pooled"]) == (0.1, 0.2, -0.9)
    assert decision["next_steps"][1]["command"] == f"ftwb sweep-strength {run.id} --choose best"
    out = " ".join(ftwb("gate", run.id).out.split())
    for words in ("Domain leak not measured", "KL to base of the body 0.200", "0.3)"):
        assert words in out
    assert "what to do next" in out


def test_the_lists_of_runs_show_what_was_found(ftwb: Ftwb, run: RunFolder) -> None:
    (row,) = json.loads(ftwb("runs", "--json").out)
    assert row["band"]["verdict"] == "LOST"
    assert row["band"]["learned"] == "2 % → 90 %"
    assert "LOST" in ftwb("show", run.id).out


def test_the_gate_without_an_answer(ftwb: Ftwb, runs: Runs) -> None:
    make_report(Suite("facts", kept=10, lost=1)).save(runs.create(Recipe(name="made")).report)
    ended = ftwb("gate", "last", "--json")
    decision = json.loads(ended.out)
    assert (ended.code, decision["exit_code"], decision["verdict"]) == (2, 2, "INCONCLUSIVE")
    assert decision["capabilities"][0]["needed"] > 11


@pytest.mark.parametrize(
    "words",
    [
        ("nowhere",),
        (),
        ("last", "--margin", "0"),
        ("last", "--margin", "many"),
        ("last", "--bogus"),
        ("last", "more"),
    ],
)
def test_the_gate_fails_closed_on_a_wrong_call(
    ftwb: Ftwb, run: RunFolder, words: tuple[str, ...]
) -> None:
    ended = ftwb("gate", *words)
    assert ended.code == 3, run.id
    assert ended.out == ""
    assert ended.err


@pytest.mark.parametrize(
    "words",
    [
        ("--runs-dir", __file__, "gate", "x"),
        ("--runs-dir", "~nobody-of-that-name/runs", "gate", "x"),
        ("--bogus", "gate", "x"),
        ("--bogus", "value", "gate", "x"),
        ("--runs-dir", "show", "gate", "x"),
    ],
)
def test_the_gate_fails_closed_on_errors_before_its_name(
    ftwb: Ftwb, words: tuple[str, ...]
) -> None:
    ended = ftwb(*words)
    assert (ended.code, ended.out) == (3, "")
    assert ended.err


@pytest.mark.parametrize("words", [("--runs-dir", __file__, "show", "gate"), ("show", "gate")])
def test_only_the_gate_uses_its_exit_codes(ftwb: Ftwb, words: tuple[str, ...]) -> None:
    assert ftwb(*words).code == 2


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ((), "ftwb: gate failed: ZeroDivisionError: no items\n"),
        (("--debug",), "Traceback"),
    ],
)
def test_an_unexpected_error_is_not_a_verdict(
    ftwb: Ftwb,
    run: RunFolder,
    monkeypatch: pytest.MonkeyPatch,
    words: tuple[str, ...],
    says: str,
) -> None:
    def broken(*_: object, **__: object) -> None:
        raise ZeroDivisionError("no items")

    monkeypatch.setattr("workbench.evaluation.analysis.gate.analyse", broken)
    ended = ftwb(*words, "gate", run.id)
    assert ended.code == 3
    assert ended.err.startswith(says)


def test_the_gate_reports_errors_as_json_too(ftwb: Ftwb, run: RunFolder) -> None:
    run.report.write_text("{")
    ended = ftwb("gate", "last", "--json")
    assert ended.code == 3
    assert json.loads(ended.out)["verdict"] == "ERROR"


def test_the_help_of_the_gate_is_not_an_error(ftwb: Ftwb) -> None:
    ended = ftwb("gate", "--help")
    assert ended.code == 0
    assert "3 ERROR" in ended.out


def test_nothing_heavy_is_loaded_to_read_a_report() -> None:
    code = (
        "import sys, workbench.cli.commands.report, workbench.cli.commands.gate\n"
        "import workbench.cli.report_page, workbench.evaluation.analysis.gate\n"
        "import workbench.evaluation.pages\n"
        "heavy = {'torch', 'transformers', 'numpy', 'jinja2', 'datasets'} & set(sys.modules)\n"
        "sys.exit(str(heavy) if heavy else 0)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_templates_ship_with_the_package() -> None:
    folder = resources.files("workbench.evaluation.pages") / "templates"
    assert {path.name for path in folder.iterdir()} == {
        "report.css",
        "report.html.j2",
        "report.md.j2",
    }
