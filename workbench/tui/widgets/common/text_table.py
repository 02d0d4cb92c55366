"""A table of texts whose columns are as wide as their widest cell."""

from __future__ import annotations

from rich.text import Text
from textual.widgets import DataTable


class TextTable(DataTable[Text]):
    """A table that is drawn again when a column has become wider.

    ``DataTable`` measures columns once it is idle and keeps the lines that it drew before, in
    which longer cells are cut off.
    """

    def watch_virtual_size(self) -> None:
        """Drop the lines that were drawn for columns of other widths."""
        self.notify_style_update()
