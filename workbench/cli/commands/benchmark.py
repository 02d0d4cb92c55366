"""``ftwb benchmark``: standard benchmarks, before and after."""

from __future__ import annotations

from pathlib import Path

import click

from workbench.cli.output import emit_json, narrate


def _names(
    _context: click.Context, _parameter: click.Parameter, words: tuple[str, ...]
) -> tuple[str, ...]:
    """The names in all that was given, each once."""
    names = (name.strip() for word in words for name in word.split(","))
    return tuple(dict.fromkeys(filter(None, names)))


@click.command("benchmark")
@click.argument("run")
@click.option(
    "--tasks",
    metavar="TASK,…",
    multiple=True,
    required=True,
    callback=_names,
    help="Tasks, groups or tags of lm-evaluation-harness, such as arc_easy.",
)
@click.option(
    "--limit",
    type=click.IntRange(min=1),
    metavar="N",
    help="Ask only the first N documents of each task [default: all].",
)
@click.option(
    "--include-path",
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    help="A folder with task files of your own.",
)
@click.option("--chat-template", is_flag=True, help="Put the documents as a user would in a chat.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.pass_obj
def command(
    root: Path,
    run: str,
    tasks: tuple[str, ...],
    limit: int | None,
    include_path: Path | None,
    chat_template: bool,
    as_json: bool,
) -> None:
    """Ask standard benchmarks of the untouched base and of the result of RUN.

    They are those of lm-evaluation-harness (pip install 'ftwb[lm-eval]'), on one loaded model in
    batches of the recipe's size. Scores are kept in the run's folder as benchmarks.json and shown
    by 'ftwb report', beside its own suites and without a verdict.
    """
    from workbench.cli.progress import progress
    from workbench.evaluation.analysis.benchmarks import append_round
    from workbench.evaluation.lm_eval.runner import BenchmarkRequest, benchmark
    from workbench.runs.folder import Runs

    found = Runs(root).find(run)
    with progress() as report:
        done = benchmark(found, BenchmarkRequest(tasks, limit, include_path, chat_template), report)
    file = append_round(found, done)
    narrate(f"{file} written")
    if as_json:
        emit_json({"run": found.id, **done.model_dump(mode="json")})
        return
    from workbench.cli.report_page import show_benchmarks

    show_benchmarks(done.scores)
