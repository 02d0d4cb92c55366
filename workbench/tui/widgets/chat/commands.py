"""The keys that act on the exchanges of a chat."""

from __future__ import annotations

from textual.binding import Binding

from workbench.chat.lanes import STRENGTH_STEP
from workbench.tui.commands import command

_WEAKER, _STRONGER = f"strength({-STRENGTH_STEP})", f"strength({STRENGTH_STEP})"

EXCHANGE_COMMANDS = [
    command("ctrl+r,r", "regenerate", "Again", "Ask the last prompt once more."),
    command(
        "ctrl+o,e",
        "edit",
        "Edit",
        "Take the last prompt back, to change and resend it.",
        footer=False,
    ),
    command("ctrl+l", "clear", "Clear", "Forget the conversation in every lane.", footer=False),
    command(
        "alt+up,p", "select_exchange(-1)", "Earlier", "Go to the exchange before.", footer=False
    ),
    command("alt+down,o", "select_exchange(1)", "Later", "Go to the exchange after.", footer=False),
    command(
        "alt+d,d",
        "show_differences",
        "Diff",
        "Mark the words that only one answer has.",
        footer=False,
    ),
    command(
        "alt+h,h",
        "show_surprise",
        "Surprise",
        "Colour the tuned answer by how surprised the base is by each token, and the base's by "
        "how far the tuned model diverges from it.",
        footer=False,
    ),
    command(
        "alt+k,k",
        "annotate('kept')",
        "Kept",
        "The tuned answer is as good as the base's.",
        footer=False,
    ),
    command(
        "alt+l,l",
        "annotate('lost')",
        "Lost",
        "The tuned answer is worse than the base's.",
        footer=False,
    ),
    command(
        "alt+i,i",
        "annotate('improved')",
        "Improved",
        "The tuned answer is better than the base's.",
        footer=False,
    ),
    command(
        "alt+m,m",
        "blind",
        "Blind",
        "Hide which model gave which answer until you have judged.",
        footer=False,
    ),
    command("alt+x,x", "judge('X')", "X better", "X's answer is better.", footer=False),
    command("alt+y,y", "judge('Y')", "Y better", "Y's answer is better.", footer=False),
    command("alt+s,=", "judge('same')", "Same", "Both are equally good.", footer=False),
    command(
        "f6",
        _WEAKER,
        "Weaker",
        "Move the tuned lane towards the base.",
        footer=False,
        priority=True,
    ),
    command(
        "f7",
        _STRONGER,
        "Stronger",
        "Move the tuned lane away from the base.",
        footer=False,
        priority=True,
    ),
    Binding("left_square_bracket", _WEAKER, show=False),
    Binding("right_square_bracket", _STRONGER, show=False),
    command(
        "ctrl+g,v",
        "next_lane",
        "Next lane",
        "Show the next lane where there is not enough room for all.",
        footer=False,
    ),
    command(
        "ctrl+s,s",
        "scroll_together",
        "Scroll together",
        "Scroll all answers together, or each separately.",
        footer=False,
    ),
]
