"""What the chat says of its lanes: their names, badges, introductions, and the line of facts."""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual.content import Content

from workbench.chat.session import STEP, STRONGEST
from workbench.core.formatting import GIB, file_size, gib
from workbench.core.sanitize import visible

if TYPE_CHECKING:
    from workbench.chat.protocol import LaneFacts, Opened, Proof
    from workbench.chat.session import ChatSession, Lane

BASE = "base"
_PLACES = round(STRONGEST / STEP)
_QUIET = "$foreground 60%"
_AGAIN = "^r asks again"
_SHORT = 7
"""Places of a slider where there is little room; else one a key press."""
_NOT_PROVEN = {"refuted": "not the base ✗", "missing": "NOT PROVEN"}


def name(lane: Lane, proof: Proof | None, turn: str) -> Content:
    """Who answers in ``lane``; a base that is not proven to be the base is not called so."""
    called = lane.name
    if lane.name == BASE and proof:
        called = _NOT_PROVEN.get(proof.state, called)
    waiting = (f"  {turn} ^g", _QUIET) if turn else ""
    return Content.assemble((called, "bold"), f" · {visible(lane.title)}", waiting)


def badge(lane: Lane, proof: Proof | None, *, chosen: bool, short: bool) -> Content:
    """What is known of ``lane``: the proof of the base, the strength of another.

    Args:
        lane: Whose.
        proof: What the engine found of the base.
        chosen: Whether the keys change the strength of this one.
        short: Whether there is little room.
    """
    if lane.name == BASE:
        return _proof(proof) if proof else Content("")
    return strength(lane.strength, chosen=chosen, short=short) if lane.scalable else Content("")


def _proof(proof: Proof) -> Content:
    distance = f" Δ {tiny(proof.distance)}" if proof.distance is not None else ""
    if proof.state == "proven":
        return Content.assemble(("proven ✓", "$text-success"), (distance, _QUIET))
    return Content.styled(distance.strip(), "$text-error")


def strength(value: float, *, chosen: bool, short: bool) -> Content:
    """A slider from 0 to 1.5: a knob, the way it has come, and a notch where it was trained."""
    places = _SHORT if short else _PLACES
    place, trained = (round(each / STRONGEST * places) for each in (value, 1.0))
    colour = "$warning" if value > 1 else "$accent" if chosen else _QUIET
    rest = ["┄"] * (places - place)
    if place < trained:
        rest[trained - place - 1] = "┼"
    return Content.assemble(
        ("" if short else "strength ", _QUIET),
        (f"{value:.1f} ", colour),
        ("━" * place, colour),
        ("●", colour),
        ("".join(rest), _QUIET),
    )


def remark(session: ChatSession, name: str) -> str:
    """Why the newest answer of a lane is worth asking for again; empty where it is not."""
    if not session.idle or session.last is None:
        return ""
    if session.last.lacks(name):
        return f"no answer · {_AGAIN}"
    given = session.outdated(name)
    return "" if given is None else f"answered at {given:.1f} · {_AGAIN}"


def introduction(lane: Lane, proof: Proof | None) -> Content:
    """Who answers here, before anything was asked."""
    facts = lane.facts
    if lane.name == BASE:
        told = _sentence(proof.text) if proof and proof.state == "proven" else ""
        return _paragraph("The model as it was before the run.", told)
    told = _costs(facts) if facts else ""
    slider = "F6 and F7 make it weaker and stronger." if lane.scalable else ""
    return _paragraph("What the run made of it.", told, slider)


def doubt(proof: Proof) -> str:
    """Why the base lane is not called so; empty where it is proven to be the base."""
    return "" if proof.state == "proven" else _sentence(proof.text)


def _sentence(text: str) -> str:
    """The text with a capital and a full stop, fit to be shown."""
    shown = visible(text)
    return shown[:1].upper() + shown[1:].removesuffix(".") + "."


def _paragraph(first: str, *more: str) -> Content:
    return Content(" ").join(
        [Content(first), *(Content.styled(each, "dim") for each in more if each)]
    )


def _costs(facts: LaneFacts) -> str:
    how = (
        "In one batch with the base" if facts.decoding == "one batch" else "In turns with the base"
    )
    return f"{how}, {file_size(facts.extra_bytes)} of weights of its own."


def facts(session: ChatSession, *, together: bool) -> list[str]:
    """How the lanes answer and what they cost, the weightiest first."""
    opened = session.opened
    if opened is None:
        return []
    settings = session.settings
    told = [_mode(opened), _memory(opened), f"{settings.picking()}, ≤ {settings.max_tokens} tokens"]
    if settings.system:
        told.append("system prompt")
    if not together:
        told.append("scrolling apart")
    return [*told, f"{opened.dtype} on {opened.device}", session.run.id]


def _mode(opened: Opened) -> str:
    """One batch, in turns, or which lanes are in turns while the others are not."""
    lagging = [lane.name for lane in opened.lanes[1:] if lane.decoding == "in turns"]
    if len(lagging) in (0, len(opened.lanes) - 1):
        return opened.decoding
    return f"one batch, {' and '.join(lagging)} in turns"


def _memory(opened: Opened) -> str:
    base, *others = opened.lanes
    more = "".join(f" + {_bytes(lane.extra_bytes)} for {lane.name}" for lane in others)
    return f"{gib(base.extra_bytes)} GiB{more}"


def _bytes(number: int) -> str:
    return gib(number) if number >= GIB / 200 else f"{number / (1 << 20):.0f} MiB"


def tiny(distance: float) -> str:
    """A distance with one digit: ``3e-7``, ``0.2``, ``0``."""
    if distance == 0 or distance >= 0.01:  # noqa: PLR2004 - where a plain number reads better
        return f"{distance:.2g}"
    mantissa, exponent = f"{distance:.0e}".split("e")
    return f"{mantissa}e{int(exponent)}"
