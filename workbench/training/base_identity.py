"""Which base a run started from: written down, and held against the one it goes on with."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from workbench.core.errors import BadInputError
from workbench.evaluation.fingerprint import (
    Held,
    read_fingerprint,
    save_fingerprint,
    take_fingerprint,
)

if TYPE_CHECKING:
    from torch import Tensor

    from workbench.models.loaded_base import LoadedBase
    from workbench.runs.folder import RunFolder
    from workbench.training.reporting.reporter import Reporter


def fingerprint_of(
    loaded: LoadedBase, run: RunFolder, reporter: Reporter, *, resumed: bool
) -> Tensor:
    """Write down what the base is; a resumed run must find the one it started from.

    Raises:
        BadInputError: It is another one.
    """
    fingerprint = take_fingerprint(loaded.base, loaded.tokenizer)
    held = Held.of(loaded.base)
    stored = read_fingerprint(run.base) if resumed else None
    if stored is None:
        reporter.retry_when_disk_full(partial(save_fingerprint, fingerprint, held, run.base))
    elif not stored.fits(fingerprint, held):
        raise BadInputError(
            f"the base model is no longer the one {run.id} started from: its logits are "
            "others; put the old one back, or set model.revision"
        )
    return fingerprint
