"""Discovery of strategies, retention methods and scorers: one file each, found in their folder."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
from dataclasses import dataclass
from typing import Any, ClassVar

from workbench.recipe.base import Section


@dataclass(frozen=True)
class Card:
    """What a user should know before choosing a part, in plain sentences.

    Attributes:
        title: Its name in forms and lists.
        does: What it does.
        costs: Memory, time and disk.
        forgets: What is known about forgetting with it, with the source.
    """

    title: str
    does: str
    costs: str
    forgets: str


class Part(Section):
    """A section that is selected by its ``kind`` and described by a card."""

    card: ClassVar[Card]
    kind: Any


def parts_in(package: str) -> dict[str, type[Any]]:
    """Map ``kind`` to class for every section with a card in the modules of ``package``."""
    parts = [cls for cls in defined_in(package, Section) if "card" in vars(cls)]
    return {_kind(cls): cls for cls in parts}


def _kind(cls: type[Any]) -> str:
    """Its name in a recipe: the default of its field ``kind``, or a constant of the class."""
    kind: str = cls.model_fields["kind"].default if "kind" in cls.model_fields else cls.kind
    return kind


def defined_in(package: str, base: type[Any]) -> list[Any]:
    """Every subclass of ``base`` that a module of ``package`` defines.

    Callers know the name of the folder, never its contents, so that a new part is a new file.
    """
    folder = importlib.import_module(package).__path__
    names = sorted(info.name for info in pkgutil.iter_modules(folder))
    modules = [importlib.import_module(f"{package}.{name}") for name in names]
    return [
        member
        for module in modules
        for _, member in inspect.getmembers(module, inspect.isclass)
        if issubclass(member, base) and member.__module__ == module.__name__
    ]
