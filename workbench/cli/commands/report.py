"""``ftwb report``: what a run learned and what it forgot."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Literal

import click

from workbench.cli.command import Command
from workbench.cli.output import json_text, narrate
from workbench.core.errors import BadInputError
from workbench.evaluation.analysis.formatting import join_words

if TYPE_CHECKING:
    from collections.abc import Mapping

    from workbench.evaluation.analysis.findings import Findings
    from workbench.runs.folder import RunFolder

_Format = Literal["json", "md", "html"]


@click.command(
    "report", cls=Command, group="Evaluation", short_help="Show what a run learned and forgot."
)
@click.argument("run")
@click.option("--json", "as_json", is_flag=True, help="Print JSON: all findings, all items.")
@click.option("--md", "as_md", is_flag=True, help="Print Markdown.")
@click.option("--html", "as_html", is_flag=True, help="Write one self-contained HTML file.")
@click.option(
    "--output",
    type=click.Path(path_type=Path, dir_okay=False),
    help="File to write instead of stdout.",
)
@click.option(
    "--margin",
    type=click.FloatRange(0, 100, min_open=True),
    metavar="POINTS",
    help="Largest loss in percentage points that still counts as kept, as in 'ftwb gate'.",
)
@click.pass_obj
def command(
    root: Path,
    run: str,
    as_json: bool,
    as_md: bool,
    as_html: bool,
    output: Path | None,
    margin: float | None,
) -> None:
    """Show what RUN learned and forgot: an id, a unique part of one, or 'last'."""
    from workbench.evaluation.analysis.analysis import read_findings
    from workbench.runs.folder import Runs

    output_format = _requested({"json": as_json, "md": as_md, "html": as_html})
    if output and output_format is None:
        raise click.UsageError("--output needs a format: add --json, --md or --html")
    folder = Runs(root).find(run)
    findings = read_findings(folder, margin=None if margin is None else margin / 100)
    if output_format is None:
        from workbench.cli.report_page import show_report

        show_report(folder.id, folder.recipe().name, findings)
        return
    text = _render(output_format, folder, findings)
    if output is None:
        click.echo(text)
        return
    _write(output, text)
    narrate(f"{output} written")


def _requested(flags: Mapping[_Format, bool]) -> _Format | None:
    """The requested format, if any."""
    formats = [name for name, requested in flags.items() if requested]
    if len(formats) > 1:
        raise click.UsageError(
            f"{join_words([f'--{name}' for name in formats])}: choose one of them"
        )
    return formats[0] if formats else None


def _render(output_format: _Format, folder: RunFolder, findings: Findings) -> str:
    if output_format == "json":
        return json_text({"run": folder.id, **findings.model_dump(mode="json")})
    from workbench.evaluation import pages

    return {"md": pages.markdown, "html": pages.html}[output_format](pages.about(folder), findings)


def _write(path: Path, text: str) -> None:
    try:
        path.write_text(f"{text}\n", encoding="utf-8")
    except OSError as error:
        raise BadInputError(f"{path}: cannot be written: {error.strerror}") from error
