"""The report as Markdown and HTML: complete, self-contained, and safe from model output."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from typing import TYPE_CHECKING

import pytest

from tests.evaluation.reports import Suite, items, make_report
from workbench.evaluation import pages
from workbench.evaluation.analysis.analysis import analyse
from workbench.evaluation.pages import charts
from workbench.evaluation.report import Noise, Report

if TYPE_CHECKING:
    from pathlib import Path

    from workbench.evaluation.analysis.findings import Findings

EVIL = (
    "</blockquote><script>alert('x')</script>\n<img src=https://evil.example/a.png onerror=go()>"
    " ![x](https://evil.example/b.png) [y](javascript:go()) `code` | cell | *bold* "
    "&lt;b&gt; \x1b]8;;https://evil.example\x07 \x9b31m \u202egnp {{ 7 * 7 }} {% raw %}"
)
SUITES = (
    Suite("facts", kept=20, lost=30, never=10, chance=0.25),
    Suite("formats", kept=30, lost=2, gained=2, measures="behaviour"),
    Suite("harmless", kept=150, measures="safety"),
    Suite("creative", kept=3, lost=2, measures="information"),
)
ABOUT = pages.About(
    "20250101-000000-tiny", (("base model", "<b>tiny</b>"),), ((0, 0.0), (25, 0.1), (50, 0.4))
)


def evil_report() -> Report:
    report = make_report(
        *SUITES, kl=0.2, noise=Noise(kl=1e-6, changed=1, items=99), boilerplate=("a b c",)
    )
    update = {
        name: getattr(report, name).model_copy(
            update={
                "items": tuple(
                    item.model_copy(update={"prompt": EVIL})
                    for item in items(*SUITES, side=side, says=EVIL)
                )
            }
        )
        for side, name in enumerate(("before", "after"))
    }
    facts = tuple(suite.model_copy(update={"title": "<i>T</i>"}) for suite in report.suites)
    return report.model_copy(update={**update, "suites": facts, "contaminated": ("facts/<u>",)})


@pytest.fixture(scope="module")
def evil() -> Findings:
    return analyse(evil_report())


@pytest.fixture(scope="module")
def findings() -> Findings:
    return analyse(make_report(*SUITES, kl=0.2, noise=Noise(kl=1e-6, changed=0, items=99)))


class Page(HTMLParser):
    """Tags with their attributes, whether they are closed in order, and the text."""

    VOID = frozenset({"meta", "br", "line", "rect", "polyline"})

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.words: list[str] = []
        self.open: list[str] = []
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag not in self.VOID:
            assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.words.append(data)


def test_html_is_well_formed_and_fetches_nothing(evil):
    page = Page(pages.html(ABOUT, evil))
    assert page.open == []
    names = {tag for tag, _ in page.tags}
    assert names.isdisjoint({"script", "img", "link", "iframe", "object", "a", "base", "form", "i"})
    for _, attributes in page.tags:
        for name, value in attributes.items():
            assert not name.startswith("on")
            assert name not in {"src", "href", "srcset", "action", "xlink:href", "style"}
            assert "evil" not in (value or "")
    style = pages.html(ABOUT, evil).split("<style>")[1].split("</style>")[0]
    assert "url(" not in style
    assert "@import" not in style
    policy = [attributes for _, attributes in page.tags if "http-equiv" in attributes]
    assert policy[0]["content"] == "default-src 'none'; style-src 'unsafe-inline'"


def test_html_shows_model_output_as_text(evil):
    words = " ".join(Page(pages.html(ABOUT, evil)).words)
    assert "<script>alert('x')</script>" in words
    assert "{{ 7 * 7 }}" in words
    assert "&lt;b&gt;" in words  # as written, not as it would be parsed


@pytest.mark.parametrize("form", [pages.html, pages.markdown])
def test_no_control_character_survives(form, evil):
    text = form(ABOUT, evil)
    assert not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]", text)
    assert "\N{SYMBOL FOR ESCAPE}" in text


def test_html_shows_the_findings(findings):
    words = " ".join(" ".join(Page(pages.html(ABOUT, findings)).words).split())
    assert findings.verdict == "FAIL"
    assert "FORGOT - 20250101-000000-tiny" in words
    assert "verdict FORGOT learned 2 % → 90 % leak not measured KL 0.200 next ftwb train" in words
    assert findings.sentence in words
    for note in findings.notes:
        assert note in words
    assert "what the model knows: a drop is knowledge lost" in words
    assert "34 lost, 2 gained" in words
    assert "<b>tiny</b>" in words


def test_html_supports_dark_mode_and_narrow_screens(findings):
    html = pages.html(ABOUT, findings)
    assert 'name="viewport" content="width=device-width' in html
    assert "@media (prefers-color-scheme: dark)" in html
    assert "@media (max-width: 46rem)" in html


def test_every_chart_is_an_inline_svg(findings):
    drawn = re.findall(r"<svg.*?</svg>", pages.html(ABOUT, findings), re.DOTALL)
    assert len(drawn) == len(findings.capabilities) + 2
    for svg in drawn:
        shapes = Page(svg).tags[1:]
        assert len(shapes) >= 3
        for _, attributes in shapes:
            for name in ("x1", "x2", "x", "width"):
                assert 0 <= float(attributes.get(name) or 0) <= charts.WIDTH


def test_changes_are_placed_by_value(findings):
    rows = charts.changes(findings.capabilities)
    for row, each in zip(rows, findings.capabilities, strict=True):
        assert 0 < row.low <= row.value <= row.high < charts.WIDTH
        assert (row.value < row.zero) == (each.change < 0)
        assert (row.margin is None) == (each.verdict is None)
        if row.margin is not None:
            assert (row.low > row.margin) == (each.verdict == "PASS")
    assert charts.changes([]) == []


def test_kl_is_placed_on_its_scale(findings):
    assert findings.kl_general is not None
    scale = charts.kl_scale(findings.kl_general)
    assert 0 < scale.good < scale.value < scale.bad < charts.WIDTH
    assert scale.low <= scale.value <= scale.high


def test_the_curve_of_kl():
    curve = charts.kl_curve(((0, 0.0), (50, 0.2), (100, 0.4)))
    assert curve is not None
    assert curve.top == pytest.approx(0.46)
    assert curve.steps == 100
    points = [tuple(map(float, pair.split(","))) for pair in curve.line.split()]
    assert [x for x, _ in points] == [0, 100, 200]
    assert points[0][1] == charts.HEIGHT
    assert points[2][1] == pytest.approx(charts.HEIGHT * (1 - 0.4 / 0.46), abs=0.01)
    assert 0 < curve.bad < curve.good < charts.HEIGHT
    assert charts.kl_curve(((0, 0.0),)) is None


def test_model_output_is_not_markdown_markup(evil):
    text = pages.markdown(ABOUT, evil)
    assert not re.search(r"(?<!\\)`|<(?!/?$)|(?<!\\)!\[|(?<!\\)\]\(", text)
    assert "\\*bold\\*" in text
    assert "&amp;lt;b&amp;gt;" in text
    rows = [line for line in text.splitlines() if line.startswith("|")]
    capability_rows = [row for row in rows if len(re.findall(r"(?<!\\)\|", row)) == 10]
    assert len(capability_rows) == 2 + 4 + len(SUITES)  # heads, kinds, suites


def test_markdown_shows_the_findings(findings):
    text = pages.markdown(ABOUT, findings)
    assert text.startswith(
        "# FORGOT - 20250101-000000-tiny\n\n| verdict | learned | leak | KL | next |"
    )
    assert "| FORGOT | 2 % → 90 % | not measured | 0.200 | ftwb train RECIPE" in text
    assert "| Domain leak | not measured: the training answers share no phrases" in text
    assert findings.sentence in text
    assert "| Facts | 60 | 0.83 | 0.33 |" in text
    assert "34 lost, 2 gained; the 20 worst." in text
    assert text.count("\n- after: ") == 20


@pytest.mark.parametrize("form", [pages.html, pages.markdown])
def test_a_report_with_next_to_nothing_is_still_a_page(form):
    found = analyse(Report.model_validate({"prompts": [], "before": {}, "after": {}}))
    text = form(pages.About("bare"), found)
    assert "INCONCLUSIVE" in text
    assert "Capabilities" not in text
    assert "None" not in text


def test_neither_token_nor_home_is_on_a_page_or_in_a_report(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", "/home/ada")
    token = "hf_" + "k4T" * 12
    note = f"see\n/home/ada/notes and {token}"
    report = make_report(*SUITES).model_copy(update={"notes": (note,)})
    about = pages.About("tiny", (("base model", "/home/ada/models/tiny"),))
    report.save(tmp_path / "report.json")
    for text in (
        pages.html(about, analyse(report)),
        pages.markdown(about, analyse(report)),
        (tmp_path / "report.json").read_text(),
    ):
        assert token not in text
        assert "/home/ada" not in text
        assert "/notes" in text
    assert "~/models/tiny" in pages.html(about, analyse(report))
