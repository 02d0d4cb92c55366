"""How lanes share the space, and titles with a text at both ends."""

from __future__ import annotations

import pytest
from textual.content import Content
from textual.style import Style

from workbench.tui.widgets.chat.lane_board import Arrangement, arrange
from workbench.tui.widgets.common.pane_title import CORNERS, spread


@pytest.mark.parametrize(
    ("space", "lanes", "arrangement"),
    [
        ((140, 39), 2, Arrangement(2, 2)),
        ((140, 39), 3, Arrangement(3, 3)),
        ((140, 39), 4, Arrangement(2, 4)),
        ((100, 39), 3, Arrangement(2, 3)),
        ((80, 18), 2, Arrangement(1, 2)),
        ((80, 39), 3, Arrangement(1, 3)),
        ((80, 18), 3, Arrangement(1, 2)),
        ((80, 18), 4, Arrangement(1, 2)),
        ((100, 12), 4, Arrangement(2, 2)),
    ],
)
def test_every_lane_has_enough_space_or_takes_turns(
    space: tuple[int, int], lanes: int, arrangement: Arrangement
) -> None:
    assert arrange(*space, lanes) == arrangement


def test_a_title_fills_its_border():
    title = spread(Content("base · model"), Content("proven"), 40, Style())
    assert title.cell_length == 40 - CORNERS
    assert title.plain.startswith("base · model ─")
    assert title.plain.endswith("─ proven")


def test_a_long_name_is_cut_before_the_badge():
    title = spread(Content("base · a model with a long name"), Content("proven"), 30, Style())
    assert title.plain == "base · a model… ─ proven"
    assert title.cell_length == 30 - CORNERS


def test_a_badge_is_left_out_where_no_name_would_fit():
    assert spread(Content("base"), Content("strength 1.0"), 20, Style()).plain == "base"
