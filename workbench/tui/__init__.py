"""The terminal workbench. Importing this package is cheap; ``launch`` loads Textual."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    from workbench.runs.folder import RunFolder
    from workbench.tui.demo_tour import DemoTour


def launch(
    runs_root: Path,
    *,
    chat: RunFolder | None = None,
    run: RunFolder | None = None,
    tour: DemoTour | None = None,
) -> None:
    """Start the workbench on the runs below ``runs_root`` and return when the user quits.

    Args:
        runs_root: The folder of all runs.
        chat: Open the chat with this run at once.
        run: Open the live view of this run at once.
        tour: The demo that is running; the chat opens at its end.

    Raises:
        BadInputError: There is no terminal.
        FtwbError: An unexpected error ended the workbench.
    """
    from workbench.core import locations
    from workbench.core.errors import FtwbError
    from workbench.tui.terminal import TerminalWatch, require_terminal

    require_terminal()
    from workbench.tui.app import WorkbenchApp

    app = WorkbenchApp(runs_root, chat=chat, run=run, tour=tour)
    watch = TerminalWatch(app)
    app.run()
    watch.exit_as_told()
    if app.return_code:
        path = locations.shorten(locations.log_file())
        raise FtwbError(
            f"an unexpected error ended the workbench; its traceback is in {path}, which "
            "'ftwb doctor --bundle FILE.zip' packs for a bug report"
        )
