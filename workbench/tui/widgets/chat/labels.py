"""What the chat says about its lanes and exchanges, as frozen views for the widgets."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from textual.content import Content

from workbench.chat.lanes import MAX_STRENGTH, STRENGTH_STEP
from workbench.chat.surprise import scale_of
from workbench.chat.titles import BASE, TUNED
from workbench.core.formatting import GIB, file_size, gib
from workbench.core.sanitize import visible
from workbench.tui.widgets.chat import highlight

if TYPE_CHECKING:
    from collections.abc import Iterator

    from workbench.chat.dialogue import Exchange
    from workbench.chat.lanes import ChatLane
    from workbench.chat.protocol import LaneFacts, Opened, Proof, ProofState
    from workbench.chat.session import ChatSession

_WIDE_PLACES = round(MAX_STRENGTH / STRENGTH_STEP)
_NARROW_PLACES = 7
"""Places of the strength slider: one for each key press, or fewer in a narrow pane."""
_EMPTY = Content("")
_QUIET = "$foreground 60%"
_ASK_AGAIN = "^r asks again"
_UNPROVEN_NAMES: dict[ProofState, str] = {"refuted": "not the base ✗", "missing": "NOT PROVEN"}
_SHORTEST_DECIMAL = 0.01
"""From here on a distance is written as a plain number."""


@dataclass(frozen=True)
class LaneView:
    """What a lane's pane shows around its exchanges.

    Attributes:
        name: Who answers.
        badge: What is known about it: the base's proof, or the lane's strength.
        narrow_badge: The same for a narrow pane.
        introduction: Who answers, for an empty chat.
        warning: Why the base lane is not called base; empty if it is proven.
        remark: Why the newest answer is worth asking for again; empty if it is not.
        letter: The pane's only name while it hides who answers; empty if it does not.
    """

    name: Content
    badge: Content = _EMPTY
    narrow_badge: Content = _EMPTY
    introduction: Content = _EMPTY
    warning: str = ""
    remark: str = ""
    letter: str = ""


@dataclass(frozen=True)
class AnswerView:
    """How an answer is shown.

    Attributes:
        content: Replaces the answer's Markdown; None shows the Markdown.
        note: The lines below the answer; None for none.
    """

    content: Content | None = None
    note: Content | None = None


def lane_views(session: ChatSession) -> dict[str, LaneView]:
    """The view of every lane, by its name."""
    return {lane.name: _lane_view(session, lane) for lane in session.lanes}


def _lane_view(session: ChatSession, lane: ChatLane) -> LaneView:
    return LaneView(
        name=_lane_name(lane, session.proof),
        badge=_badge(session, lane, narrow=False),
        narrow_badge=_badge(session, lane, narrow=True),
        introduction=_introduction(lane, session.proof),
        warning=_warning(lane, session.proof),
        remark=_remark(session, lane.name),
        letter=session.blind.letter(lane.name),
    )


def _badge(session: ChatSession, lane: ChatLane, *, narrow: bool) -> Content:
    if lane.name == BASE and session.proof:
        return _proof_badge(session.proof)
    if lane.scalable:
        adjustable = lane is session.lanes.adjustable
        return strength_slider(lane.strength, adjustable=adjustable, narrow=narrow)
    return _EMPTY


def _lane_name(lane: ChatLane, proof: Proof | None) -> Content:
    """A base that is not proven to be the base is not called base."""
    unproven = _UNPROVEN_NAMES.get(proof.state) if proof and lane.name == BASE else None
    return Content.assemble((unproven or lane.name, "bold"), f" · {visible(lane.title)}")


def _proof_badge(proof: Proof) -> Content:
    distance = f" Δ {format_distance(proof.distance)}" if proof.distance is not None else ""
    if proof.state == "proven":
        return Content.assemble(("proven ✓", "$text-success"), (distance, _QUIET))
    return Content.styled(distance.strip(), "$text-error")


def strength_slider(value: float, *, adjustable: bool, narrow: bool) -> Content:
    """A slider from 0 to 1.5: filled up to a knob, with a notch at 1, where the lane was trained.

    Args:
        value: The strength.
        adjustable: Whether the keys change this lane's strength.
        narrow: Whether there is little room.
    """
    places = _NARROW_PLACES if narrow else _WIDE_PLACES
    knob, trained = (round(strength / MAX_STRENGTH * places) for strength in (value, 1.0))
    colour = "$warning" if value > 1 else "$accent" if adjustable else _QUIET
    rest = ["┄"] * (places - knob)
    if knob < trained:
        rest[trained - knob - 1] = "┼"
    return Content.assemble(
        ("" if narrow else "strength ", _QUIET),
        (f"{value:.1f} ", colour),
        ("━" * knob, colour),
        ("●", colour),
        ("".join(rest), _QUIET),
    )


def _remark(session: ChatSession, lane: str) -> str:
    last = session.dialogue.last
    if session.engine != "ready" or last is None:
        return ""
    if last.lacks(lane):
        return f"no answer · {_ASK_AGAIN}"
    strength = session.outdated_strength(lane)
    return "" if strength is None else f"answered at {strength:.1f} · {_ASK_AGAIN}"


def _introduction(lane: ChatLane, proof: Proof | None) -> Content:
    if lane.name == BASE:
        proven = _sentence(proof.text) if proof and proof.state == "proven" else ""
        return _paragraph("The model before the run.", proven)
    cost = _decoding_cost(lane.facts) if lane.facts else ""
    slider = "F6 and F7 make it weaker and stronger." if lane.scalable else ""
    return _paragraph("The model after the run.", cost, slider)


def _warning(lane: ChatLane, proof: Proof | None) -> str:
    if lane.name == BASE:
        return _sentence(proof.text) if proof and proof.state != "proven" else ""
    return _sentence(lane.facts.note) if lane.facts and lane.facts.note else ""


def _sentence(text: str) -> str:
    """The text with a capital letter and a full stop, safe to show."""
    shown = visible(text)
    return shown[:1].upper() + shown[1:].removesuffix(".") + "."


def _paragraph(first: str, *more: str) -> Content:
    return Content(" ").join(
        [Content(first), *(Content.styled(sentence, "dim") for sentence in more if sentence)]
    )


def _decoding_cost(facts: LaneFacts) -> str:
    how = (
        "In one batch with the base" if facts.decoding == "one batch" else "In turns with the base"
    )
    return f"{how}; {file_size(facts.extra_bytes)} more."


# The line of facts


def engine_facts(session: ChatSession, *, scroll_together: bool) -> tuple[str, ...]:
    """How the lanes answer and what they cost, most important first; empty while loading."""
    if session.engine == "down":
        return ("engine down",)
    opened, settings = session.opened, session.settings
    if opened is None:
        return ()
    facts = [
        _decoding(opened),
        f"{settings.decoding()}, ≤ {settings.max_tokens} tokens",
    ]
    if settings.system:
        facts.append("system prompt")
    if not scroll_together:
        facts.append("scrolling apart")
    return (*facts, _memory(opened), f"{opened.dtype} on {opened.device}", session.run.id)


def _decoding(opened: Opened) -> str:
    """One batch, in turns, or which lanes are in turns while the others are not."""
    in_turns = [lane.name for lane in opened.lanes[1:] if lane.decoding == "in turns"]
    if len(in_turns) in (0, len(opened.lanes) - 1):
        return opened.decoding
    return f"one batch, {' and '.join(in_turns)} in turns"


def _memory(opened: Opened) -> str:
    base, *others = opened.lanes
    more = "".join(f" + {_short_size(lane.extra_bytes)} {lane.name}" for lane in others)
    return f"{gib(base.extra_bytes)} GiB{more}"


def _short_size(number: int) -> str:
    return gib(number) if number >= GIB / 200 else f"{number / (1 << 20):.0f} MiB"


def format_distance(distance: float) -> str:
    """A distance with one or two digits: ``3e-7``, ``0.31``, ``0``."""
    if distance == 0 or distance >= _SHORTEST_DECIMAL:
        return f"{distance:.2g}"
    mantissa, exponent = f"{distance:.0e}".split("e")
    return f"{mantissa}e{int(exponent)}"


# Answers


def answer_view(session: ChatSession, exchange: Exchange, lane: str) -> AnswerView:
    """How the session's view shows an answer, and the notes below it."""
    notes = list(_notes(session, exchange, lane))
    return AnswerView(
        _answer_content(session, exchange, lane), Content("\n").join(notes) if notes else None
    )


def _answer_content(session: ChatSession, exchange: Exchange, lane: str) -> Content | None:
    if not exchange.comparable or lane not in exchange.answers:
        return None
    if session.view == "differences":
        other = exchange.answers[exchange.compared_lane(lane)]
        return highlight.differences(exchange.answers[lane].text, other.text)
    scores = session.token_scores.of(exchange, lane)
    if session.view == "surprise" and scores is not None:
        return highlight.token_scores(scores, scale_of(lane))
    return None


def _notes(session: ChatSession, exchange: Exchange, lane: str) -> Iterator[Content]:
    done = exchange.answers.get(lane)
    annotation = session.annotations.of(exchange)
    if annotation and annotation.judgement and lane == TUNED:
        yield highlight.judgement(annotation.judgement, blind=annotation.blind)
    if done and not done.text.strip():
        yield Content("(empty answer)")
    if session.view == "surprise" and done:
        scores = session.token_scores.of(exchange, lane)
        if scores is not None:
            yield highlight.peak_line(scores, scale_of(lane))
        elif exchange is session.token_scores.pending:
            yield Content("scoring each token with the other model …")
