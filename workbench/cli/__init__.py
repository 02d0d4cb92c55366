"""``ftwb …``: parse, call, print. stdout is data, stderr is narration.

Exit codes: 0 done; 1 the run or the command failed; 2 the input is wrong; 3 the machine lacks
something (disk, device, network, package); 130 interrupted. ``ftwb gate`` has its own.
"""

from __future__ import annotations

import sys

from workbench.errors import FtwbError

INTERRUPTED = 130


def open_workbench() -> None:
    """Open the TUI without loading the parser, so that the first paint comes sooner."""
    from workbench import locations
    from workbench.tui import launch

    launch(locations.runs())


def main() -> None:
    """Run the command line; errors meant for people are one line on stderr and an exit code."""
    words = sys.argv[1:]
    try:
        if words:
            sys.exit(run_command(words))
        open_workbench()
    except FtwbError as error:
        if "--debug" in words:
            raise
        from workbench.cli.output import narrate

        narrate(f"ftwb: {error}")
        sys.exit(error.exit_code)
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)


def run_command(words: list[str]) -> int:
    """Parse and call; what is wrong with the words themselves is told by the parser."""
    import click

    from workbench.cli.root import ftwb

    try:
        left: int | None = ftwb.main(words, prog_name="ftwb", standalone_mode=False)
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except click.Abort:
        return INTERRUPTED
    return left or 0
