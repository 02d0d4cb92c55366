"""``ftwb …``: parse, call, print. stdout is data, stderr is narration.

Exit codes: 0 done; 1 the run or the command failed; 2 the input is wrong; 3 the machine lacks
something (disk, device, network, package); 130 interrupted.
"""

from __future__ import annotations

import sys

from workbench.errors import FtwbError


def open_workbench() -> None:
    """Open the TUI without loading the parser, so that the first paint comes sooner."""
    from workbench import locations
    from workbench.tui import launch

    launch(locations.runs())


def main() -> None:
    """Run the command line; errors meant for people are one line on stderr and an exit code."""
    words = sys.argv[1:]
    debug = "--debug" in words
    try:
        if words:
            from workbench.cli.root import ftwb

            ftwb()
        else:
            open_workbench()
    except FtwbError as error:
        if debug:
            raise
        sys.stderr.write(f"ftwb: {error}\n")
        sys.exit(error.exit_code)
    except KeyboardInterrupt:
        sys.exit(130)
