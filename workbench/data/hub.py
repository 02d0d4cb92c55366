"""Hub datasets, and folders in the hub's layout, through ``datasets``."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

from workbench.core.errors import BadInputError, MachineError, NotFoundError, first_line
from workbench.data.reading import Row

if TYPE_CHECKING:
    from collections.abc import Iterator

_WORD = r"[A-Za-z0-9][\w.-]*"
_ID = re.compile(rf"(?P<id>{_WORD}/{_WORD})(?:/(?P<config>{_WORD}))?(?::(?P<split>[\w\[\]:%+]+))?")


def is_id(source: str) -> bool:
    """Whether ``source`` is written as a hub dataset: ``owner/name[/config][:split]``."""
    return _ID.fullmatch(source) is not None


def read(source: str) -> Iterator[Row]:
    """Yield the rows of a dataset, downloaded or cached; of the train split unless one is named.

    Raises:
        NotFoundError: The hub has no such dataset, or shows it only to its members.
        BadInputError: It has no such split or configuration.
        MachineError: The hub cannot be reached.
    """
    from datasets import load_dataset
    from datasets.exceptions import DatasetNotFoundError

    name, config, split = _parts(source)
    try:
        rows = load_dataset(name, config, split=split)
    except DatasetNotFoundError as error:
        raise NotFoundError(
            f"{source}: neither a file here nor a hub dataset you can read "
            "(private and gated ones need `hf auth login`)"
        ) from error
    except ConnectionError as error:
        raise MachineError(
            f"{source}: no such file here, and the hub cannot be reached to look for a dataset"
        ) from error
    except (ValueError, FileNotFoundError) as error:
        raise BadInputError(f"{source}: {first_line(error)}") from error
    yield from (Row(number, values) for number, values in enumerate(rows, 1))


def _parts(source: str) -> tuple[str, str | None, str]:
    folder = Path(source).expanduser()
    match = _ID.fullmatch(source)
    if match is None or folder.is_dir():
        return str(folder), None, "train"
    return match["id"], match["config"], match["split"] or "train"
