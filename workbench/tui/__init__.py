"""The terminal workbench. Importing this package costs nothing; ``launch`` loads Textual."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    from workbench.runs.folder import RunFolder
    from workbench.tui.story import Story


def launch(
    runs_root: Path,
    *,
    chat: RunFolder | None = None,
    run: RunFolder | None = None,
    story: Story | None = None,
) -> None:
    """Start the workbench on the runs below ``runs_root`` and return when the user leaves it.

    Args:
        runs_root: Where runs live.
        chat: Open the chat with this run at once.
        run: Open the live view of this run at once.
        story: The demo that is being told; the chat opens at its end.
    """
    from workbench.tui.app import WorkbenchApp

    WorkbenchApp(runs_root, chat=chat, run=run, story=story).run()
