"""Probe suites by name: the shipped ones, the user's own, and any suite file."""

from __future__ import annotations

from difflib import get_close_matches
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, get_args

from pydantic import BaseModel, ConfigDict

from workbench.core import locations
from workbench.core.errors import BadInputError, NotFoundError
from workbench.data.rows import rows_error
from workbench.evaluation.suites.items import Item, Measures, Size, SuiteFacts
from workbench.evaluation.suites.scorer import Scorer
from workbench.evaluation.suites.suite_files import (
    ReadItems,
    SuiteFile,
    read_items,
    read_suite_file,
)
from workbench.evaluation.suites.user_suite import NAME as USER_SUITE
from workbench.evaluation.suites.user_suite import user_suite_path

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

_SIZES: tuple[Size, ...] = get_args(Size)
_ORDER: tuple[Measures, ...] = get_args(Measures)


class Suite(BaseModel):
    """Questions that are asked together and scored in one way.

    Attributes:
        name: Unique among the suites of a run.
        title: Name to display.
        description: One sentence.
        measures: What a drop of its score means.
        scorer: How answers become scores.
        items: All items of all sizes.
        new_tokens: Longest answer, in tokens.
    """

    model_config = ConfigDict(frozen=True)

    name: str
    title: str
    description: str
    measures: Measures
    scorer: Scorer
    items: tuple[Item, ...]
    new_tokens: int

    def items_at(self, size: Size) -> tuple[Item, ...]:
        """The items of a size and of all smaller sizes, in their order."""
        sizes = _SIZES[: _SIZES.index(size) + 1]
        return tuple(item for item in self.items if item.size in sizes)

    def chance(self, items: Sequence[Item]) -> float:
        """Expected mean score of random guessing on ``items``, 0 to 1."""
        return sum(map(self.scorer.chance, items)) / len(items) if items else 0.0

    def facts(self, size: Size) -> SuiteFacts:
        """What a report keeps about this suite."""
        chance = self.chance(self.items_at(size))
        return SuiteFacts(name=self.name, title=self.title, measures=self.measures, chance=chance)


def item_key(suite: Suite, item: Item) -> str:
    """Name of an item that is unique among all suites: ``suite/id``."""
    return f"{suite.name}/{item.id}"


@cache
def shipped_suites() -> tuple[Suite, ...]:
    """The suites that ship with ftwb: knowledge first, then behaviour, safety and information."""
    suites = [load_suite(path) for path in _shipped_paths().values()]
    return tuple(sorted(suites, key=lambda suite: (_ORDER.index(suite.measures), suite.name)))


def named_suites(names: Sequence[str]) -> tuple[Suite, ...]:
    """Suites by name or by the path of their YAML; without names, all that are listed.

    Those are the shipped ones and, if it exists, the user's own.

    Raises:
        NotFoundError: There is no such suite; the message suggests the nearest.
        BadInputError: A file is wrong, or two suites have the same name.
    """
    if not names:
        return (*shipped_suites(), *(load_suite(path) for path in _user_paths().values()))
    suites = tuple(load_suite(suite_path(name)) for name in dict.fromkeys(names))
    _require_unique_names(suites)
    return suites


def load_suite(path: Path) -> Suite:
    """Read a suite's YAML and its items.

    Raises:
        FtwbError: A file cannot be read, or an item is invalid; the message names the line.
    """
    file, read = inspect_suite(path)
    if read.faults:
        raise rows_error(read.source, read.faults, read.unit)
    return Suite(
        name=path.stem,
        title=file.title or path.stem,
        description=file.description,
        measures=file.measures,
        scorer=file.scorer,
        items=read.items,
        new_tokens=file.new_tokens,
    )


def inspect_suite(path: Path) -> tuple[SuiteFile, ReadItems]:
    """Read a suite's two files and collect everything that is wrong with its items.

    Raises:
        FtwbError: One of the files cannot be read at all.
    """
    file = read_suite_file(path)
    return file, read_items(file, path.parent)


def suite_path(name: str) -> Path:
    """The YAML of a suite: shipped ones and the user's own by name, others by path.

    Raises:
        NotFoundError: There is no such suite; the message suggests the nearest name.
    """
    paths = {**_shipped_paths(), **_user_paths()}
    if name in paths:
        return paths[name]
    path = Path(name).expanduser()
    if path.is_file():
        return path
    near = get_close_matches(name, paths, n=1)
    hint = f"did you mean {near[0]!r}?" if near else f"the suites are {', '.join(paths)}"
    raise NotFoundError(f"{name}: no such suite, and no file of that name; {hint}")


def _shipped_paths() -> dict[str, Path]:
    folder = locations.presets() / "probes" / "suites"
    return {path.stem: path for path in sorted(folder.glob("*.yaml"))}


def _user_paths() -> dict[str, Path]:
    path = user_suite_path()
    return {USER_SUITE: path} if path.exists() else {}


def _require_unique_names(suites: Iterable[Suite]) -> None:
    seen: set[str] = set()
    for suite in suites:
        if suite.name in seen:
            raise BadInputError(
                f"two suites are named {suite.name!r}; rename one of the YAML files"
            )
        seen.add(suite.name)
