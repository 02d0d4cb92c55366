"""Rows of a form, the advanced ones in a collapsed section."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from textual.containers import Vertical
from textual.widgets import Collapsible

from workbench.tui.widgets.form.field_row import FieldRow

if TYPE_CHECKING:
    from collections.abc import Iterable

    from textual.app import ComposeResult

    from workbench.tui.forms import FormField


class Fields(Vertical):
    """Rows for some fields; the advanced ones are collapsed at first."""

    DEFAULT_CSS: ClassVar[str] = """
    Fields {
        height: auto;
        & Collapsible { border: none; padding: 0; background: transparent; }
        & CollapsibleTitle { padding: 0; color: $text-disabled; background: transparent; }
        & CollapsibleTitle { width: 1fr; text-wrap: nowrap; text-overflow: ellipsis; }
        & CollapsibleTitle:focus { color: $primary; background: transparent; }
        & Collapsible > Contents { padding: 0; }
    }
    """

    def __init__(self, fields: Iterable[FormField], *, classes: str = "") -> None:
        super().__init__(classes=classes)
        self._fields = tuple(fields)

    def compose(self) -> ComposeResult:
        for field in self._fields:
            if not field.advanced:
                yield FieldRow(field)
        advanced = [field for field in self._fields if field.advanced]
        if advanced:
            names = ", ".join(field.title.lower() for field in advanced)
            with Collapsible(title=f"{len(advanced)} more: {names}"):
                for field in advanced:
                    yield FieldRow(field)
