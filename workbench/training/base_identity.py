"""Which base a run started from: written down, and held against the one it goes on with."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from workbench.evaluation.fingerprint import (
    Numerics,
    save_fingerprint,
    take_fingerprint,
    verify_base,
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
    numerics = Numerics.of(loaded.base)
    stored = verify_base(run, fingerprint, numerics) if resumed else None
    if stored is None:
        reporter.retry_when_disk_full(partial(save_fingerprint, fingerprint, numerics, run.base))
    return fingerprint
