"""Probe suites: the ones that are shipped, and the user's own."""

from __future__ import annotations

from difflib import get_close_matches
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, get_args

from pydantic import BaseModel, ConfigDict

from workbench.core import locations
from workbench.core.errors import BadInputError, NotFoundError
from workbench.data.rows import rows_error
from workbench.evaluation.report.report import SuiteFacts
from workbench.evaluation.suites.items import Item, Measures, Size
from workbench.evaluation.suites.scorer import Scorer
from workbench.evaluation.suites.suite_files import (
    ReadItems,
    SuiteFile,
    read_items,
    read_suite_file,
)
from workbench.evaluation.suites.user_suite import NAME as OWN
from workbench.evaluation.suites.user_suite import own_suite

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

_SIZES: tuple[Size, ...] = get_args(Size)
_ORDER: tuple[Measures, ...] = get_args(Measures)


class Suite(BaseModel):
    """Questions that are asked together and scored in one way.

    Attributes:
        name: Unique among the suites of a run.
        title: For people.
        description: One sentence.
        measures: What a fall of its score means.
        scorer: How answers become scores.
        items: All of them, whatever their size.
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

    def asked(self, size: Size) -> tuple[Item, ...]:
        """The items of this size, which holds the smaller ones, in their order."""
        sizes = _SIZES[: _SIZES.index(size) + 1]
        return tuple(item for item in self.items if item.size in sizes)

    def chance(self, items: Sequence[Item]) -> float:
        """Mean score on ``items`` of a model that knows nothing, 0 to 1."""
        return sum(map(self.scorer.chance, items)) / len(items) if items else 0.0

    def facts(self, size: Size) -> SuiteFacts:
        """What a report keeps of it."""
        chance = self.chance(self.asked(size))
        return SuiteFacts(name=self.name, title=self.title, measures=self.measures, chance=chance)


def key_of(suite: Suite, item: Item) -> str:
    """What an item is called among the items of all suites: ``suite/id``."""
    return f"{suite.name}/{item.id}"


@cache
def shipped_suites() -> tuple[Suite, ...]:
    """The suites that come with ftwb: knowledge first, then behaviour, safety and information."""
    suites = [load_suite(path) for path in _shipped().values()]
    return tuple(sorted(suites, key=lambda suite: (_ORDER.index(suite.measures), suite.name)))


def named_suites(names: Sequence[str]) -> tuple[Suite, ...]:
    """Suites by their names or by the paths of their YAML files; without any, all that have a name.

    Those are the shipped ones and, where there is one, the user's own, :data:`OWN`.

    Raises:
        NotFoundError: There is no such suite; the nearest is named.
        BadInputError: A file is wrong, or two suites have one name.
    """
    if not names:
        return (*shipped_suites(), *(load_suite(path) for path in _own().values()))
    suites = tuple(load_suite(suite_path(name)) for name in dict.fromkeys(names))
    _refuse_equal_names(suites)
    return suites


def load_suite(path: Path) -> Suite:
    """Read a suite's YAML and its items.

    Raises:
        FtwbError: A file cannot be read, or holds items that cannot be asked; their lines are
            named.
    """
    file, read = examine(path)
    if read.faults:
        raise rows_error(read.source, read.faults, read.unit)
    return _suite(path, file, read.items)


def examine(path: Path) -> tuple[SuiteFile, ReadItems]:
    """Read a suite's two files and keep all that is wrong with the items.

    Raises:
        FtwbError: One of the files cannot be read at all.
    """
    file = read_suite_file(path)
    return file, read_items(file, path.parent)


def suite_path(name: str) -> Path:
    """Where the YAML of a suite lies: a shipped one and the user's own by name, others by path.

    Raises:
        NotFoundError: There is none; the nearest name is given.
    """
    known = {**_shipped(), **_own()}
    if name in known:
        return known[name]
    path = Path(name).expanduser()
    if path.is_file():
        return path
    near = get_close_matches(name, known, n=1)
    hint = f"did you mean {near[0]!r}?" if near else f"there are {', '.join(known)}"
    raise NotFoundError(f"{name}: no such suite, and no file of that name; {hint}")


def _shipped() -> dict[str, Path]:
    folder = locations.presets() / "probes" / "suites"
    return {path.stem: path for path in sorted(folder.glob("*.yaml"))}


def _own() -> dict[str, Path]:
    path = own_suite()
    return {OWN: path} if path.exists() else {}


def _suite(path: Path, file: SuiteFile, items: tuple[Item, ...]) -> Suite:
    return Suite(
        name=path.stem,
        title=file.title or path.stem,
        description=file.description,
        measures=file.measures,
        scorer=file.scorer,
        items=items,
        new_tokens=file.new_tokens,
    )


def _refuse_equal_names(suites: Iterable[Suite]) -> None:
    seen: set[str] = set()
    for suite in suites:
        if suite.name in seen:
            raise BadInputError(f"two suites are called {suite.name!r}; rename one of the files")
        seen.add(suite.name)
