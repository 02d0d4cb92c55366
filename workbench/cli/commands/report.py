"""``ftwb report``: what a run learned and what it forgot."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Literal

import click

from workbench.cli.output import json_text, narrate
from workbench.core.errors import BadInputError
from workbench.evaluation.analysis.formatting import join_words

if TYPE_CHECKING:
    from collections.abc import Mapping

    from workbench.evaluation.analysis.findings import Findings
    from workbench.runs.folder import RunFolder

_Form = Literal["json", "md", "html"]


@click.command("report")
@click.argument("run")
@click.option("--json", "as_json", is_flag=True, help="Print JSON: all findings, all items.")
@click.option("--md", "as_md", is_flag=True, help="Print Markdown.")
@click.option("--html", "as_html", is_flag=True, help="Write one self-contained HTML file.")
@click.option(
    "--output",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Where to write instead of stdout.",
)
@click.option(
    "--margin",
    type=click.FloatRange(0, 100, min_open=True),
    metavar="POINTS",
    help="Loss in percentage points that is still called kept, as 'ftwb gate' has it.",
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
    """Tell what RUN forgot and learned: its id, a unique part of it, or 'last'."""
    from workbench.evaluation.analysis.analysis import read_findings
    from workbench.runs.folder import Runs

    form = _form({"json": as_json, "md": as_md, "html": as_html})
    if output and form is None:
        raise click.UsageError("--output writes what --json, --md or --html makes: add one of them")
    folder = Runs(root).find(run)
    findings = read_findings(folder, margin=None if margin is None else margin / 100)
    if form is None:
        from workbench.cli.report_page import show_report

        show_report(folder.id, findings)
        return
    text = _written(form, folder, findings)
    if output is None:
        click.echo(text)
        return
    _write(output, text)
    narrate(f"{output} written")


def _form(chosen: Mapping[_Form, bool]) -> _Form | None:
    """The form that is asked for, if any."""
    forms = [form for form, wanted in chosen.items() if wanted]
    if len(forms) > 1:
        raise click.UsageError(f"{join_words([f'--{form}' for form in forms])}: choose one of them")
    return forms[0] if forms else None


def _written(form: _Form, folder: RunFolder, findings: Findings) -> str:
    if form == "json":
        return json_text({"run": folder.id, **findings.model_dump(mode="json")})
    from workbench.evaluation import pages

    return {"md": pages.markdown, "html": pages.html}[form](pages.about(folder), findings)


def _write(path: Path, text: str) -> None:
    try:
        path.write_text(f"{text}\n", encoding="utf-8")
    except OSError as error:
        raise BadInputError(f"{path}: cannot be written: {error.strerror}") from error
