"""The list dialog: filtering, ranking, headings, and typed values."""

from __future__ import annotations

import pytest
from textual.app import App
from textual.widgets import OptionList

from workbench.tui.screens.choose import ChooseScreen, Item

FRUIT = [
    Item("apple", "Apple", "keeps for weeks", keywords="cider"),
    Item("pear", "Pear", "tastes like an apple"),
    Item("plum", "Plum"),
]
GROUPED = [
    Item(("one",), "One", group="Numbers"),
    Item(("two",), "Two", group="Numbers"),
    Item(("red",), "Red", group="Colours"),
]


@pytest.fixture
def choosing():
    """Show a dialog, press keys, and return the lines shown before enter and the result."""

    async def choose(dialog, *keys):
        app: App[None] = App()
        results: list[object] = []
        async with app.run_test() as pilot:
            app.push_screen(dialog, results.append)
            await pilot.pause()
            await pilot.press(*keys)
            await pilot.pause()
            lines = [str(option.prompt) for option in dialog.query_one(OptionList).options]
            await pilot.press("enter")
            await pilot.pause()
        return lines, results

    return choose


async def test_typing_filters_by_every_text_and_ranks_labels_first(choosing):
    lines, results = await choosing(ChooseScreen("Fruit", FRUIT[::-1]), *"apple")
    assert lines == ["Apple  keeps for weeks", "Pear  tastes like an apple"]
    assert results == ["apple"]
    lines, _ = await choosing(ChooseScreen("Fruit", FRUIT), *"CIDER")
    assert lines == ["Apple  keeps for weeks"]


async def test_the_arrows_move_while_the_filter_keeps_the_focus(choosing):
    _, results = await choosing(ChooseScreen("Fruit", FRUIT), "down", "down", "up", *"p")
    assert results == ["apple"]
    _, results = await choosing(ChooseScreen("Fruit", FRUIT), "down", "down")
    assert results == ["plum"]


async def test_without_a_match_nothing_can_be_chosen(choosing):
    lines, results = await choosing(ChooseScreen("Fruit", FRUIT), *"fig")
    assert lines == ["no match"]
    assert results == []


async def test_a_typed_text_is_a_value_where_that_is_allowed(choosing):
    dialog = ChooseScreen("Fruit", FRUIT, free="a fruit, as typed")
    lines, results = await choosing(dialog, *"fig")
    assert lines == ["fig  a fruit, as typed"]
    assert results == ["fig"]
    lines, _ = await choosing(ChooseScreen("Fruit", FRUIT, free="as typed"), *"plum")
    assert lines == ["Plum"]


async def test_a_heading_stands_for_the_items_that_are_listed_below_it(choosing):
    def dialog():
        return ChooseScreen("Ask", GROUPED, combine=lambda values: sum(values, ()))

    lines, results = await choosing(dialog())
    assert lines == ["Numbers  all 2", "  One", "  Two", "Colours  all 1", "  Red"]
    assert results == [("one",)]
    _, results = await choosing(dialog(), "up")
    assert results == [("one", "two")]
    lines, results = await choosing(dialog(), *"numbers tw", "up")
    assert lines == ["Numbers  all 1", "  Two"]
    assert results == [("two",)]
