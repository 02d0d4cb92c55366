"""Datasets of the Hugging Face hub, and folders in its layout, read through ``datasets``."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

from workbench.core.errors import BadInputError, MachineError, NotFoundError, first_line
from workbench.data.tables import arrow_rows

if TYPE_CHECKING:
    from collections.abc import Iterator

    from workbench.data.rows import Row

_WORD = r"[A-Za-z0-9][\w.-]*"
_SPLIT = r"(?::(?P<split>[\w\[\]:%+]+))?"
_ID = re.compile(rf"(?P<id>{_WORD}/{_WORD})(?:/(?P<config>{_WORD}))?{_SPLIT}")
_FOLDER = re.compile(rf"(?P<folder>.+?){_SPLIT}")
_SAVED = ("state.json", "dataset_dict.json")
"""Files of a folder that ``datasets`` itself has saved."""
_UNKNOWN_SPLIT = re.compile(r"^Unknown split .*\['(?P<other>\w+)'")
_FAILURES = (OSError, ValueError, TypeError, LookupError, RuntimeError, ImportError)
"""What ``datasets`` raises for data that it cannot read, besides errors of its own."""
_BATCH = 1000


def is_hub_id(source: str) -> bool:
    """Whether ``source`` is written as a hub dataset: ``owner/name[/config][:split]``."""
    return _ID.fullmatch(source) is not None


def is_hub_dataset(source: str) -> bool:
    """Whether ``source`` is written as a hub dataset, or is a folder here."""
    return is_hub_id(source) or _folder(source) is not None


def read_hub_dataset(source: str) -> Iterator[Row]:
    """Yield the rows of a dataset, downloading it if need be; without a split, those of ``train``.

    Raises:
        NotFoundError: The hub has no such dataset, or the user has no access to it.
        BadInputError: The dataset has no such split or configuration, or its files cannot be read.
        MachineError: The hub cannot be reached.
    """
    yield from arrow_rows(source, _load(source).with_format("arrow").iter(_BATCH))


def _load(source: str) -> Any:
    import pyarrow as pa
    from datasets import disable_progress_bars, load_dataset
    from datasets.exceptions import DatasetNotFoundError, DatasetsError

    name, config, split = _parse(source)
    disable_progress_bars()  # they would be drawn over a screen
    try:
        if any((Path(name) / saved).is_file() for saved in _SAVED):
            return _load_saved(name, split)
        return load_dataset(name, config, split=split)
    except DatasetNotFoundError as error:
        raise NotFoundError(
            f"{source}: neither a file here nor a hub dataset you can read "
            "(private and gated ones need `hf auth login`)"
        ) from error
    except ConnectionError as error:
        raise MachineError(
            f"{source}: no such file here, and the hub cannot be reached to look for a dataset"
        ) from error
    except (*_FAILURES, DatasetsError, pa.ArrowException) as error:
        raise BadInputError(f"{source}: {_explain(name, error)}") from error


def _load_saved(folder: str, split: str) -> Any:
    from datasets import DatasetDict, load_from_disk

    saved = load_from_disk(folder)
    if not isinstance(saved, DatasetDict):
        return saved
    if split not in saved:
        raise ValueError(f'Unknown split "{split}". Should be one of {list(saved)}.')
    return saved[split]


def _explain(name: str, error: BaseException) -> str:
    """Why a dataset cannot be read, and what to name instead."""
    reason = first_line(error)
    if split := _UNKNOWN_SPLIT.search(reason):
        return f"{reason.rstrip('.')}; name the split, as in {name}:{split['other']}"
    files = sorted(path for path in Path(name).glob("*") if path.suffix and path.is_file())
    if not files:
        return reason
    cause = first_line(error.__cause__ or error)
    listed = ", ".join(path.name for path in files[:4])
    return f"its files ({listed}) cannot be read as one dataset ({cause}); name one file of them"


def _folder(source: str) -> str | None:
    """The folder that ``source`` names, with or without a split."""
    match = _FOLDER.fullmatch(source)
    for folder in (source, match["folder"] if match else source):
        if Path(folder).expanduser().is_dir():
            return str(Path(folder).expanduser())
    return None


def _parse(source: str) -> tuple[str, str | None, str]:
    """Name or folder, configuration and split."""
    folder = _folder(source)
    if folder is not None:
        whole = Path(source).expanduser().is_dir()
        match = None if whole else _FOLDER.fullmatch(source)
        return folder, None, (match["split"] if match else None) or "train"
    match = _ID.fullmatch(source)
    if match is None:
        return source, None, "train"
    return match["id"], match["config"], match["split"] or "train"
