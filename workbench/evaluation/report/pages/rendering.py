"""Findings through templates; every value that is printed is escaped on its way."""

from __future__ import annotations

import re
from html import escape
from itertools import groupby
from typing import TYPE_CHECKING, Any

from workbench.core.redaction import scrub
from workbench.core.sanitize import visible
from workbench.evaluation.report import formatting
from workbench.evaluation.report.pages import charts

if TYPE_CHECKING:
    from collections.abc import Callable

    from jinja2 import Environment

    from workbench.evaluation.analysis.findings import Findings
    from workbench.evaluation.report.pages.about import About
    from workbench.evaluation.suites.items import Measures

_MEANS: dict[Measures, str] = {
    "knowledge": "what it knows: a fall is knowledge lost",
    "behaviour": "how it answers: a fall can hide knowledge that is still there",
    "safety": "what it refuses: judged on each side, never averaged in",
    "information": "shown, never judged",
}
_MARKDOWN = re.compile(r"[\\`*_\[\]|~]")
_SHOWN = {"html": 100, "md": 20}
_LONGEST = 4_000


def html(about: About, findings: Findings) -> str:
    """One HTML file: styles and charts inside, no script, nothing fetched from anywhere."""
    return _render("html", _environment(_made_visible), about, findings)


def markdown(about: About, findings: Findings) -> str:
    """GitHub-flavoured Markdown, in which nothing a model said is markup."""
    return _render("md", _environment(_plain), about, findings)


def _render(form: str, environment: Environment, about: About, findings: Findings) -> str:
    order = list(_MEANS)
    rows = sorted(findings.capabilities, key=lambda each: order.index(each.kind))
    groups = groupby(zip(rows, charts.changes(rows), strict=True), key=lambda row: row[0].kind)
    return environment.get_template(f"report.{form}.j2").render(
        about=about,
        found=findings,
        figures=formatting,
        charts=charts,
        groups=[(kind, _MEANS[kind], list(group)) for kind, group in groups],
        measured=formatting.measured(findings),
        shown=findings.items[: _SHOWN[form]],
        lost=sum(item.after < item.before for item in findings.items),
        longest=_LONGEST,
    )


def _environment(finalize: Callable[[Any], Any]) -> Environment:
    from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape

    return Environment(
        loader=PackageLoader("workbench.evaluation.report.pages"),
        autoescape=select_autoescape(["html.j2"]),
        finalize=finalize,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def _made_visible(value: Any) -> Any:
    """Let no control character and no token through; markup was made from such values."""
    from markupsafe import Markup

    if not isinstance(value, str) or isinstance(value, Markup):
        return value
    return visible(scrub(value))


def _plain(value: Any) -> str:
    """On one line, with no character that Markdown or HTML would act on."""
    line = " ".join(visible(scrub(str(value))).split())
    return _MARKDOWN.sub(r"\\\g<0>", escape(line, quote=False))
