"""The band of a run: verdict in a word, learned, leak, KL, and what to do next."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING, ClassVar

from textual.content import Content
from textual.reactive import reactive
from textual.widget import Widget

from workbench.core.sanitize import visible
from workbench.tui.finding_styles import RATING_COLOURS, RATING_SIGNS
from workbench.tui.labels import packed

if TYPE_CHECKING:
    from collections.abc import Sequence

    from textual.geometry import Size

    from workbench.evaluation.analysis.band import BandPart
    from workbench.evaluation.analysis.findings import NextStep
    from workbench.runs.folder import RunFolder
    from workbench.tui.run_bands import BandReading, RunBand

_GAP = "   "
_SHORT_GAP = "  "


def verdict_word(verdict: BandPart) -> Content:
    """The word on a field of its colour."""
    look = f"bold reverse {RATING_COLOURS[verdict.rating]}" if verdict.rating else "bold reverse"
    return Content.styled(f" {visible(verdict.value)} ", look)


def measure(part: BandPart) -> Content:
    """A measured part with its label, and a sign for its rating."""
    if part.rating is None:
        return Content.assemble((f"{part.label} ", "dim"), visible(part.value))
    look = f"bold {RATING_COLOURS[part.rating]}"
    sign = f"{RATING_SIGNS[part.rating]} "
    return Content.assemble((sign, look), (f"{part.label} ", "dim"), (visible(part.value), look))


def first_step(steps: Sequence[NextStep], key: str) -> Content:
    """The most helpful next step in words, with the key that leads to all of them."""
    if not steps:
        return Content("")
    return Content.assemble(
        ("→ ", "dim"), (f"{key} " if key else "", "bold $primary"), steps[0].text
    )


def band_lines(band: RunBand, width: int, key: str = "") -> Content:
    """The band in one line of ``width`` cells, or in two; only the next step may be truncated."""
    word, *measured = _parts(band)
    step = first_step(band.next_steps, key)
    line, measures = _joined([word, *measured]), _joined(measured, _SHORT_GAP)
    if line.cell_length <= width:
        whole = _joined([line, step])
        return (
            whole
            if whole.cell_length <= width
            else _lines(line, step.truncate(width, ellipsis=True))
        )
    if measures.cell_length <= width:
        return _lines(_joined([word, step]).truncate(width, ellipsis=True), measures)
    *first, last = packed([word, *measured], width).split("\n")
    return _lines(*first, _joined([last, step]).truncate(width, ellipsis=True))


def proof_lines(band: RunBand, width: int, key: str = "") -> Content:
    """The band with its proof behind the word: the measures and the next step come below."""
    word, *measured = _parts(band)
    room = max(width - word.cell_length - 1, 1)
    first, *rest = textwrap.wrap(
        visible(band.proof), width, initial_indent=" " * (width - room)
    ) or [""]
    proof = _lines(Content.assemble(word, " ", first.strip()), *map(Content, rest))
    step = first_step(band.next_steps, key)
    return _lines(proof, packed([*measured, step.truncate(width, ellipsis=True)], width))


def _parts(band: RunBand) -> list[Content]:
    """Word and measures; the next step is written in words instead."""
    verdict, *others = (part for part in band.parts if part.label != "next")
    return [verdict_word(verdict), *map(measure, others)]


def _joined(parts: Sequence[Content], gap: str = _GAP) -> Content:
    return Content(gap).join([part for part in parts if part])


def _lines(*lines: Content) -> Content:
    return Content("\n").join([line for line in lines if line])


class BandLine(Widget):
    """The band of one run; hidden until there is a report."""

    DEFAULT_CSS: ClassVar[str] = """
    BandLine { height: auto; padding: 0 2; }
    """

    band: reactive[RunBand | None] = reactive(None, layout=True)

    def __init__(self, run: RunFolder, *, key: str = "", proof: bool = False) -> None:
        """Show the band of ``run``.

        Args:
            run: It is looked up among the bands of the app.
            key: The key of this screen that leads to the next steps, if there is one.
            proof: Whether the proof follows the word.
        """
        super().__init__(id="band")
        self.display = False
        self._run = run
        self._key = key
        self._lay_out = proof_lines if proof else band_lines

    def on_mount(self) -> None:
        self.watch(self.app, "bands", self._look_up)

    def _look_up(self, bands: dict[str, BandReading]) -> None:
        reading = bands.get(self._run.id)
        self.band = reading.band if reading else None
        self.display = self.band is not None

    def get_content_height(self, container: Size, viewport: Size, width: int) -> int:
        """As many lines as the band needs at this width."""
        del container, viewport
        return self._lines(width).plain.count("\n") + 1

    def render(self) -> Content:
        return self._lines(self.content_size.width)

    def _lines(self, width: int) -> Content:
        return self._lay_out(self.band, width, self._key) if self.band else Content("")
