"""What can be read off a screen."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.tui.conftest import until
from workbench.tui.screens.live import LiveScreen

if TYPE_CHECKING:
    from textual.pilot import Pilot
    from textual.widgets import Static

    from workbench.tui.app import WorkbenchApp
    from workbench.tui.widgets.common.plot import Plot


async def live_view(app: WorkbenchApp, pilot: Pilot[None]) -> LiveScreen:
    """The live view, once it has seen its run."""
    await until(pilot, lambda: isinstance(app.screen, LiveScreen) and app.screen.view)
    assert isinstance(app.screen, LiveScreen)
    return app.screen


def text_of(screen: LiveScreen, kind: type[Static]) -> str:
    """What the only text of that kind says."""
    return str(screen.query_one(kind).visual)


def drawn(plot: Plot) -> str:
    """The cells of a plot, line by line."""
    return "\n".join(plot.render_line(row).text for row in range(plot.size.height))
