"""The lists to choose from in the chat: probes, lanes, what to copy, earlier exchanges."""

from __future__ import annotations

from itertools import chain
from typing import TYPE_CHECKING

from workbench.chat.lanes import MAX_LANES
from workbench.core.sanitize import visible
from workbench.tui.labels import truncate
from workbench.tui.screens.choose import ChooseScreen, Item

if TYPE_CHECKING:
    from collections.abc import Sequence

    from workbench.chat.candidates import Candidate
    from workbench.chat.dialogue import Exchange
    from workbench.chat.lanes import ChatLane, ChatLanes
    from workbench.chat.packs import ProbePack
    from workbench.chat.transcripts import ExchangeRecord

_EXCERPT = 60
"""Characters of a text in a list."""


def probe_dialog(packs: Sequence[ProbePack]) -> ChooseScreen[tuple[str, ...]]:
    """Choose one question, or a heading for all questions listed below it."""
    items: list[Item[tuple[str, ...]]] = [
        Item((probe.prompt,), _flat(probe.prompt), visible(probe.kind), group=visible(pack.title))
        for pack in packs
        for probe in pack.prompts
    ]
    return ChooseScreen(
        "Ask",
        items,
        hint="enter asks the question, or all below a heading   escape closes",
        combine=lambda prompts: tuple(chain.from_iterable(prompts)),
    )


def lane_dialog(
    lanes: ChatLanes, available: Sequence[Candidate]
) -> ChooseScreen[ChatLane | Candidate]:
    """Choose an added lane to remove it, or what to open in a further lane."""
    items: list[Item[ChatLane | Candidate]] = [
        Item(lane, f"✕ {lane.name}", f"{lane.title}  remove it") for lane in lanes.added
    ]
    if not lanes.full:
        items += [Item(candidate, candidate.title, candidate.detail) for candidate in available]
    return ChooseScreen(f"Beside the base, at most {MAX_LANES} lanes", items)


def copy_dialog(exchange: Exchange, lanes: Sequence[str], page: str) -> ChooseScreen[str]:
    """Choose the text to copy: an answer, or the whole exchange as the Markdown ``page``.

    Args:
        exchange: What is copied from.
        lanes: The lanes in the order in which their answers are offered.
        page: The whole exchange.
    """
    answers = {
        lane: visible(exchange.answers[lane].text) for lane in lanes if lane in exchange.answers
    }
    items = [Item(text, f"the {lane} answer", _excerpt(text)) for lane, text in answers.items()]
    items.append(Item(page, "the whole exchange", "prompt and all answers, as Markdown"))
    return ChooseScreen("Copy", items)


def transcript_dialog(records: Sequence[ExchangeRecord]) -> ChooseScreen[ExchangeRecord]:
    """Choose an earlier exchange, newest first; every word in it finds it."""
    items = [
        Item(record, _excerpt(record.prompt), record.when, keywords=record.text)
        for record in reversed(records)
    ]
    return ChooseScreen(f"Asked before: {len(records)}", items)


def _excerpt(text: str) -> str:
    return truncate(_flat(text), _EXCERPT)


def _flat(text: str) -> str:
    return " ".join(visible(text).split())
