"""The retention methods of a run."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pydantic import model_validator

from workbench.recipe.base import Section

if TYPE_CHECKING:
    from workbench.retention.base import Protection


class Protections(Section):
    """Base of the retention section, which has one optional field for each retention method.

    The fields are added in :mod:`workbench.recipe.recipe`, from the files in
    ``workbench/retention``.
    """

    @model_validator(mode="before")
    @classmethod
    def _switches(cls, values: Any) -> Any:
        """Read ``true`` as a method with its defaults, and ``false`` as none."""
        if not isinstance(values, dict):
            return values
        switch: dict[bool, Any] = {True: {}, False: None}
        return {
            kind: switch[value] if isinstance(value, bool) else value
            for kind, value in values.items()
        }

    def active(self) -> dict[str, Protection]:
        """The methods that are switched on, by kind."""
        methods = {kind: getattr(self, kind) for kind in type(self).model_fields}
        return {kind: method for kind, method in methods.items() if method is not None}
