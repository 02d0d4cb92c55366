"""Rendering findings through templates; every value is escaped on its way."""

from __future__ import annotations

import re
from html import escape
from itertools import groupby
from typing import TYPE_CHECKING, Any, Literal

from workbench.core.redaction import scrub
from workbench.core.sanitize import visible
from workbench.evaluation.analysis import formatting
from workbench.evaluation.analysis.band import band
from workbench.evaluation.pages import charts

if TYPE_CHECKING:
    from collections.abc import Callable

    from jinja2 import Environment

    from workbench.evaluation.analysis.findings import Findings
    from workbench.evaluation.pages.about import About

    PageFormat = Literal["html", "md"]

_MARKDOWN_SPECIAL = re.compile(r"[\\`*_\[\]|~]")
_SHOWN_ITEMS: dict[PageFormat, int] = {"html": 100, "md": 20}
_MAX_TEXT = 4_000
"""Characters of a prompt or answer."""


def html(about: About, findings: Findings) -> str:
    """One HTML file: styles and charts are inside, without scripts, and nothing is fetched."""
    return _render("html", _environment(_escape_controls), about, findings)


def markdown(about: About, findings: Findings) -> str:
    """GitHub-flavoured Markdown, in which no model output is markup."""
    return _render("md", _environment(_escape_markdown), about, findings)


def _render(
    page_format: PageFormat, environment: Environment, about: About, findings: Findings
) -> str:
    order = list(formatting.MEANINGS)
    capabilities = sorted(findings.capabilities, key=lambda each: order.index(each.kind))
    rows = zip(capabilities, charts.changes(capabilities), strict=True)
    groups = groupby(rows, key=lambda row: row[0].kind)
    return environment.get_template(f"report.{page_format}.j2").render(
        about=about,
        findings=findings,
        band=band(findings),
        formatting=formatting,
        charts=charts,
        groups=[(kind, formatting.MEANINGS[kind], list(group)) for kind, group in groups],
        measures=formatting.measure_rows(findings),
        items=findings.items[: _SHOWN_ITEMS[page_format]],
        lost=sum(item.after < item.before for item in findings.items),
        max_text=_MAX_TEXT,
    )


def _environment(finalize: Callable[[Any], Any]) -> Environment:
    from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape

    return Environment(
        loader=PackageLoader("workbench.evaluation.pages"),
        autoescape=select_autoescape(["html.j2"]),
        finalize=finalize,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def _escape_controls(value: Any) -> Any:
    """Make control characters visible and remove secrets; Markup was built from such values."""
    from markupsafe import Markup

    if not isinstance(value, str) or isinstance(value, Markup):
        return value
    return visible(scrub(value))


def _escape_markdown(value: Any) -> str:
    """On one line, without a character that has a meaning in Markdown or HTML."""
    line = " ".join(visible(scrub(str(value))).split())
    return _MARKDOWN_SPECIAL.sub(r"\\\g<0>", escape(line, quote=False))
