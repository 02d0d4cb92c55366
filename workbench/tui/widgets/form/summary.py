"""What the run in the form will do: numbers, command and file."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, ClassVar

from textual import work
from textual.containers import VerticalScroll
from textual.content import Content
from textual.reactive import reactive
from textual.widgets import Static

from workbench.core.errors import FtwbError
from workbench.core.formatting import number, percent
from workbench.core.sanitize import visible
from workbench.tui.base import ReportsErrors
from workbench.tui.labels import bar

if TYPE_CHECKING:
    from textual.app import ComposeResult

    from workbench.planning.plan import Plan
    from workbench.planning.risk import Remedy, Risk
    from workbench.recipe.recipe import Recipe
    from workbench.recipe.registry import Card
    from workbench.tui.assessment import Assessment

_BAR = 24
_LABEL = 11
_TALL = 8
_TYPING_PAUSE = 0.25
"""Seconds without a change before model and data are read."""
_COUNTING_PAUSE = 0.8
"""Further seconds before the tokens are counted, in a separate process."""
_LEVELS = {"low": "$text-success", "medium": "$text-warning", "high": "$text-error"}


@dataclass(frozen=True)
class SummaryData:
    """Everything the summary shows.

    Attributes:
        problems: Number of invalid fields.
        plan: Steps, rows and parameters; None while model and data are read.
        tokens: None while they are counted.
        error: Why there can be no plan, in one line.
        card: Costs and risks of the chosen strategy.
    """

    problems: int = 0
    first_problem: str = ""
    plan: Plan | None = None
    tokens: int | None = None
    error: str = ""
    command: str = ""
    yaml: str = ""
    card: Card | None = None

    @property
    def remedy(self) -> Remedy | None:
        """The switch that would lower the risk of forgetting most."""
        return self.plan.risk.remedy if self.plan and self.plan.risk else None


class Summary(VerticalScroll, ReportsErrors):
    """The pane beside the form, or below it on narrow terminals; it plans the run of the form."""

    ALLOW_MAXIMIZE = True
    DEFAULT_CSS: ClassVar[str] = """
    Summary {
        & > Static { height: auto; }
        & > #numbers { margin: 1 0 0 0; }
        & > #card { margin: 1 0 0 0; color: $text-muted; }
        & > .block { margin: 1 0 0 0; color: $text-muted; }
        & > #command, & > #yaml { color: $foreground; }
    }
    """

    RECURRING = frozenset({"plan"})

    data: reactive[SummaryData] = reactive(SummaryData())

    def __init__(self) -> None:
        super().__init__(id="summary", classes="pane")
        self.border_title = "What this run will do"
        self._recipe: Recipe | None = None

    def compose(self) -> ComposeResult:
        yield Static(id="verdict")
        yield Static(id="numbers")
        yield Static(id="card")
        yield Static(Content.assemble("as a command", ("   F6 copy", "dim")), classes="block")
        yield Static(id="command", markup=False)
        yield Static(Content.assemble("as a file", ("   F7 copy", "dim")), classes="block")
        yield Static(id="yaml", markup=False)

    def show_assessment(self, assessment: Assessment, first_problem: str) -> None:
        """Summarise the form, and plan its run when the typing pauses, if the recipe changed."""
        changed = assessment.recipe is None or assessment.recipe != self._recipe
        self._recipe = recipe = assessment.recipe
        self.data = replace(
            SummaryData() if changed else self.data,
            problems=len(assessment.problems),
            first_problem=first_problem,
            command=assessment.command,
            yaml=assessment.yaml,
            card=recipe.strategy.card if recipe else None,
        )
        if recipe and changed:
            self._make_plan(recipe)

    @work(exclusive=True, group="plan", name="planning the run")
    async def _make_plan(self, recipe: Recipe) -> None:
        from workbench.tui.assessment import count_tokens, make_plan

        await asyncio.sleep(_TYPING_PAUSE)
        try:
            plan = await asyncio.to_thread(make_plan, recipe)
            self.data = replace(self.data, plan=plan, error="")
            await asyncio.sleep(_COUNTING_PAUSE)
            tokens = await count_tokens(recipe)
            self.data = replace(self.data, tokens=tokens)
        except FtwbError as error:
            self.data = replace(self.data, error=str(error))

    def on_resize(self) -> None:
        """Use fewer lines if the pane has few."""
        self.watch_data(self.data)

    def watch_data(self, data: SummaryData) -> None:
        if not self.is_mounted:
            return
        compact_layout = self.size.height < _TALL
        self.query_one("#verdict", Static).update(_verdict(data, compact_layout=compact_layout))
        self.query_one("#numbers", Static).update(_numbers(data, compact_layout=compact_layout))
        self.query_one("#card", Static).update(_card(data.card) if data.card else "")
        self.query_one("#command", Static).update(Content(f"$ {data.command}"))
        self.query_one("#yaml", Static).update(Content(data.yaml))
        for block in self.query("#command, #yaml, .block"):
            block.display = bool(data.yaml)


def _verdict(data: SummaryData, *, compact_layout: bool) -> Content:
    if data.problems:
        fields = "1 field needs" if data.problems == 1 else f"{data.problems} fields need"
        return Content.assemble(
            (f"✗ {fields} attention", "bold $text-error"), f"\n{data.first_problem}"
        )
    if data.error:
        return Content.assemble(("✗ ", "bold $text-error"), visible(data.error))
    if data.plan is None:
        return Content.styled("… reading model and data", "dim")
    ready = Content.assemble(("✓ ready", "bold $text-success"), ("   ^l launch", "dim"))
    if data.plan.risk and compact_layout:
        suggestion = f"   ^t {data.remedy.text}" if data.remedy else ""
        forgetting = Content.assemble(("   forgetting ", "dim"), _level(data.plan.risk))
        return ready + forgetting + Content.styled(suggestion, "dim")
    return ready


def _numbers(data: SummaryData, *, compact_layout: bool) -> Content:
    plan = data.plan
    if plan is None:
        return Content("")
    done, left = bar(plan.share, _BAR)
    trains = Content.assemble(
        (f"{plan.trainable:,}", "bold"),
        f" of {plan.parameters:,} · ",
        (percent(plan.share, 2), "bold $primary"),
    )
    steps = Content.assemble((f"{plan.steps:,}", "bold"), f" over {plan.rows:,} rows")
    lines = [
        _line("trains", trains),
        _line("", Content.assemble((done, "$primary"), (left, "$panel"))),
        _line("steps", steps),
        _line("tokens", _tokens(data)),
    ]
    if compact_layout:
        lines = [lines[0], Content.assemble(lines[2], "   ", ("tokens ", "dim"), _tokens(data))]
    lines += [_line("note", Content(note)) for note in plan.notes]
    if plan.risk and not compact_layout:
        lines += _risk(plan.risk)
    return Content("\n").join(lines)


def _risk(risk: Risk) -> list[Content]:
    """The risk of forgetting, what would lower it, and how well the estimate has been checked."""
    from workbench.planning.risk_check import ranking_quality

    expected = f"  KL to base about {number(risk.expected_kl, 2)}"
    level = Content.assemble(_level(risk), (expected, "dim"))
    lines = [_line("forgetting", level), Content(risk.raised_by)]
    if risk.remedy:
        remedy = (f"→ {risk.remedy.text} would lower it", "$primary")
        lines.append(Content.assemble(remedy, ("   ^t add", "dim")))
    return [*lines, Content.styled(ranking_quality(), "dim")]


def _level(risk: Risk) -> Content:
    return Content.styled(risk.level.upper(), f"bold {_LEVELS[risk.level]}")


def _tokens(data: SummaryData) -> Content:
    if data.tokens is None:
        return Content.styled("…" if data.error else "counting …", "dim")
    return Content.styled(f"{data.tokens:,}", "bold")


def _card(card: Card) -> Content:
    return Content.assemble(
        (card.title, "bold $foreground"),
        ("\ncosts    ", "bold"),
        card.costs,
        ("\nforgets  ", "bold"),
        card.forgets,
    )


def _line(label: str, value: Content) -> Content:
    return Content.assemble((label.ljust(_LABEL), "dim"), value)
