"""Which retention methods a run uses: one optional field each."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pydantic import model_validator

from workbench.recipe.base import Section

if TYPE_CHECKING:
    from workbench.retention.base import Protection


class Protections(Section):
    """The protections of a recipe, one optional field for each that exists."""

    @model_validator(mode="before")
    @classmethod
    def _switches(cls, values: Any) -> Any:
        """``true`` is a protection with its defaults, ``false`` is none."""
        if not isinstance(values, dict):
            return values
        words: dict[bool, Any] = {True: {}, False: None}
        return {
            key: words[value] if isinstance(value, bool) else value for key, value in values.items()
        }

    def active(self) -> dict[str, Protection]:
        """Those that are switched on, by kind."""
        chosen = {kind: getattr(self, kind) for kind in type(self).model_fields}
        return {kind: protection for kind, protection in chosen.items() if protection is not None}
