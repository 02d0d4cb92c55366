"""Cells that become longer are shown whole, whenever the table was drawn."""

from __future__ import annotations

from rich.text import Text
from textual.app import App, ComposeResult

from tests.tui.looking import screen_text
from workbench.tui.widgets.common.text_table import TextTable


class TableApp(App[None]):
    def compose(self) -> ComposeResult:
        yield TextTable()


async def test_a_longer_text_widens_its_column_though_it_was_drawn_before_it_was_measured() -> None:
    app = TableApp()
    async with app.run_test() as pilot:
        table = app.query_one(TextTable)
        table.add_column("word", key="word")
        table.add_column("next", key="next")
        table.add_row(Text("short"), Text("end"), key="row")
        await pilot.pause()
        table.update_cell("row", "word", Text("much longer"), update_width=True)
        table.render_line(1)
        await pilot.pause()
        assert "much longer  end" in screen_text(app)
