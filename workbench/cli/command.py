"""What every command shares: its group in ``ftwb --help``, and the options that recur."""

from __future__ import annotations

from typing import Any, Literal, get_args

import click

Group = Literal["Setup", "Recipes, models and data", "Runs", "Evaluation", "Chat"]
"""A heading of ``ftwb --help``."""

GROUPS: tuple[Group, ...] = get_args(Group)
"""The headings in the order in which they are printed."""


class Command(click.Command):
    """A click command that belongs to a group.

    Attributes:
        group: The heading under which ``ftwb --help`` lists it.
    """

    def __init__(self, *arguments: Any, group: Group, **attributes: Any) -> None:
        super().__init__(*arguments, **attributes)
        self.group = group


json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON.")

set_option = click.option(
    "--set",
    "overrides",
    multiple=True,
    metavar="FIELD=VALUE",
    help="Override a field of the recipe; can be repeated.",
)

wait_option = click.option(
    "--wait", is_flag=True, help="Wait until the run ends; ^C stops waiting, not the run."
)
