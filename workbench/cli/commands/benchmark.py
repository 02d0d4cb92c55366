"""``ftwb benchmark``: standard benchmarks, before and after training."""

from __future__ import annotations

from pathlib import Path

import click

from workbench.cli.command import Command, json_option
from workbench.cli.output import emit_json, narrate


def _split_names(
    _context: click.Context, _parameter: click.Parameter, values: tuple[str, ...]
) -> tuple[str, ...]:
    """Split on commas and drop duplicates."""
    names = (name.strip() for value in values for name in value.split(","))
    return tuple(dict.fromkeys(filter(None, names)))


@click.command(
    "benchmark",
    cls=Command,
    group="Evaluation",
    short_help="Run lm-evaluation-harness tasks on base and result.",
)
@click.argument("run")
@click.option(
    "--tasks",
    metavar="TASK,…",
    multiple=True,
    required=True,
    callback=_split_names,
    help="Tasks, groups or tags of lm-evaluation-harness, such as arc_easy.",
)
@click.option(
    "--limit",
    type=click.IntRange(min=1),
    metavar="N",
    help="Use only the first N documents of each task [default: all].",
)
@click.option(
    "--include-path",
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    help="A folder with your own task files.",
)
@click.option("--chat-template", is_flag=True, help="Send the documents as user messages.")
@json_option
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
    """Run standard benchmarks on the untouched base and on the result of RUN.

    The tasks are those of lm-evaluation-harness (pip install 'ftwb[lm-eval]'). One loaded model
    answers them, in batches of the recipe's size. The scores are saved as benchmarks.json in the
    run folder; 'ftwb report' shows them beside its own suites, without a verdict.
    """
    from workbench.cli.progress import progress
    from workbench.evaluation.analysis.benchmarks import append_round
    from workbench.evaluation.lm_eval.runner import BenchmarkRequest, benchmark
    from workbench.runs.folder import Runs

    folder = Runs(root).find(run)
    with progress() as report:
        scores = benchmark(
            folder, BenchmarkRequest(tasks, limit, include_path, chat_template), report
        )
    file = append_round(folder, scores)
    narrate(f"{file} written")
    if as_json:
        emit_json({"run": folder.id, **scores.model_dump(mode="json")})
        return
    from workbench.cli.report_page import show_benchmarks

    show_benchmarks(scores.scores)
