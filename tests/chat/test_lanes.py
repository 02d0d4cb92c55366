"""The lanes of a chat: names, order, and strengths."""

from __future__ import annotations

import pytest

from workbench.chat.lanes import MAX_LANES, ChatLanes
from workbench.chat.protocol import LaneFacts, Source


def facts(name: str, *, scalable: bool = True) -> LaneFacts:
    return LaneFacts(name=name, decoding="one batch", extra_bytes=0, scalable=scalable)


@pytest.fixture
def lanes() -> ChatLanes:
    chat_lanes = ChatLanes({"base": "SmolLM2", "tuned": "support"})
    chat_lanes.update([facts("base", scalable=False), facts("tuned")])
    return chat_lanes


def add(lanes: ChatLanes) -> str:
    return lanes.add(Source(lane=lanes.free_name(), run="elsewhere"), "other").name


def test_lanes_have_unique_names_and_a_limit(lanes: ChatLanes) -> None:
    added = []
    while not lanes.full:
        added.append(add(lanes))
    assert added == ["tuned-2", "tuned-3"]
    assert len(lanes) == MAX_LANES
    lanes.remove("tuned-2")
    assert lanes.names == ("base", "tuned", "tuned-3")
    assert lanes.free_name() == "tuned-2"
    assert [source.lane for source in lanes.extra_sources] == ["tuned-3"]
    assert [lane.name for lane in lanes.added] == ["tuned-3"]


@pytest.mark.parametrize(
    ("steps", "strength"), [((0.1,) * 9, 1.5), ((-0.1,) * 14, 0.0), ((-0.1,) * 3, 0.7)]
)
def test_a_strength_moves_in_steps_within_its_range(
    lanes: ChatLanes, steps: tuple[float, ...], strength: float
) -> None:
    for step in steps:
        lanes.change_strength(step)
    assert lanes.strengths() == {"tuned": strength}


def test_the_keys_adjust_the_focused_lane_else_the_first_with_a_strength(
    lanes: ChatLanes,
) -> None:
    lanes.update([facts(add(lanes))])
    assert lanes.adjustable is lanes["tuned"]
    lanes.focused = "tuned-2"
    assert lanes.adjustable is lanes["tuned-2"]
    lanes.change_strength(-0.1)
    lanes.focused = "base"
    assert lanes.adjustable is lanes["tuned"]
    assert lanes.strengths() == {"tuned": 1.0, "tuned-2": 0.9}


def test_lanes_without_a_strength_cannot_be_adjusted() -> None:
    lanes = ChatLanes({"base": "SmolLM2", "tuned": "support"})
    assert lanes.adjustable is None
    lanes.change_strength(-0.1)
    assert lanes["tuned"].strength == 1.0
    assert lanes.strengths() == {}
