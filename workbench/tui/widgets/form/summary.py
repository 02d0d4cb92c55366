"""What the run in the form will do, in numbers, as a command and as a file."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from textual.containers import VerticalScroll
from textual.content import Content
from textual.reactive import reactive
from textual.widgets import Static

from workbench.core.formatting import percent
from workbench.tui.labels import bar, short

if TYPE_CHECKING:
    from textual.app import ComposeResult

    from workbench.planning.plan import Plan
    from workbench.planning.risk import Remedy, Risk
    from workbench.recipe.registry import Card

_BAR = 24
_LABEL = 11
_TALL = 8
_LEVELS = {"low": "$text-success", "medium": "$text-warning", "high": "$text-error"}


@dataclass(frozen=True)
class Outlook:
    """Everything the summary shows.

    Attributes:
        problems: How many fields are wrong.
        plan: None while it is worked out.
        tokens: None while they are counted.
        trouble: Why the run cannot be sized up, in one line.
        card: What should be known of the chosen strategy.
    """

    problems: int = 0
    first_problem: str = ""
    plan: Plan | None = None
    tokens: int | None = None
    trouble: str = ""
    command: str = ""
    yaml: str = ""
    card: Card | None = None

    @property
    def remedy(self) -> Remedy | None:
        """The switch that would lower the risk of forgetting most."""
        return self.plan.risk.remedy if self.plan and self.plan.risk else None


class Summary(VerticalScroll):
    """The pane beside the form, or below it where there is no room beside."""

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

    outlook: reactive[Outlook] = reactive(Outlook())

    def compose(self) -> ComposeResult:
        """Lay out verdict, numbers, command and file."""
        yield Static(id="verdict")
        yield Static(id="numbers")
        yield Static(id="card")
        yield Static(Content.assemble("as a command", ("   F6 copy", "dim")), classes="block")
        yield Static(id="command", markup=False)
        yield Static(Content.assemble("as a file", ("   F7 copy", "dim")), classes="block")
        yield Static(id="yaml", markup=False)

    def on_mount(self) -> None:
        """Name the pane."""
        self.border_title = "What this run will do"

    def on_resize(self) -> None:
        """Use fewer lines where there are few."""
        self.watch_outlook(self.outlook)

    def watch_outlook(self, outlook: Outlook) -> None:
        """Show a new outlook."""
        if not self.is_mounted:
            return
        short_of_room = self.size.height < _TALL
        self.query_one("#verdict", Static).update(_verdict(outlook, short_of_room=short_of_room))
        self.query_one("#numbers", Static).update(_numbers(outlook, short_of_room=short_of_room))
        self.query_one("#card", Static).update(_card(outlook.card) if outlook.card else "")
        self.query_one("#command", Static).update(Content(f"$ {outlook.command}"))
        self.query_one("#yaml", Static).update(Content(outlook.yaml))
        for block in self.query("#command, #yaml, .block"):
            block.display = bool(outlook.yaml)


def _verdict(outlook: Outlook, *, short_of_room: bool) -> Content:
    if outlook.problems:
        fields = "1 field needs" if outlook.problems == 1 else f"{outlook.problems} fields need"
        return Content.assemble(
            (f"✗ {fields} attention", "bold $text-error"), f"\n{outlook.first_problem}"
        )
    if outlook.trouble:
        return Content.assemble(("✗ ", "bold $text-error"), outlook.trouble)
    if outlook.plan is None:
        return Content.styled("… reading model and data", "dim")
    ready = Content.assemble(("✓ ready", "bold $text-success"), ("   ^l launch", "dim"))
    if outlook.plan.risk and short_of_room:
        offer = f"   ^t {outlook.remedy.text}" if outlook.remedy else ""
        forgetting = Content.assemble(("   forgetting ", "dim"), _level(outlook.plan.risk))
        return ready + forgetting + Content.styled(offer, "dim")
    return ready


def _numbers(outlook: Outlook, *, short_of_room: bool) -> Content:
    plan = outlook.plan
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
        _line("tokens", _tokens(outlook)),
    ]
    if short_of_room:
        lines = [lines[0], Content.assemble(lines[2], "   ", ("tokens ", "dim"), _tokens(outlook))]
    lines += [_line("note", Content(note)) for note in plan.notes]
    if plan.risk and not short_of_room:
        lines += _risk(plan.risk)
    return Content("\n").join(lines)


def _risk(risk: Risk) -> list[Content]:
    """The risk of forgetting, what would lower it, and how far to trust it."""
    from workbench.planning.risk_check import ranking_quality

    lines = [_line("forgetting", _level(risk)), Content(risk.raised_by)]
    if risk.remedy:
        remedy = (f"→ {risk.remedy.text} would lower it", "$primary")
        lines.append(Content.assemble(remedy, ("   ^t add", "dim")))
    return [*lines, Content.styled(ranking_quality(), "dim")]


def _level(risk: Risk) -> Content:
    return Content.styled(risk.level.upper(), f"bold {_LEVELS[risk.level]}")


def _tokens(outlook: Outlook) -> Content:
    if outlook.tokens is None:
        return Content.styled("…" if outlook.trouble else "counting …", "dim")
    return Content.assemble((short(outlook.tokens), "bold"), (f"  {outlook.tokens:,}", "dim"))


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
