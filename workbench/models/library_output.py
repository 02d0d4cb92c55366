"""What libraries print: progress bars become reports, and the rest is silenced."""

from __future__ import annotations

import io
import logging
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any
from unittest.mock import patch

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tqdm.asyncio import tqdm_asyncio

    from workbench.core.progress import ProgressCallback


def reporting_bar(
    report: ProgressCallback, description: str, *, unit: str
) -> type[tqdm_asyncio[Any]]:
    """Return a tqdm class that draws nothing and reports the progress of bars counting ``unit``.

    Libraries run several bars over the same work, so the reported count never decreases.
    """
    from tqdm.asyncio import tqdm_asyncio

    furthest = 0

    class ReportingBar(tqdm_asyncio):  # type: ignore[type-arg]  # generic in its stubs only
        def __init__(self, *args: Any, **kwargs: Any) -> None:
            super().__init__(*args, **{**kwargs, "file": io.StringIO(), "disable": False})

        def display(self, *args: Any, **kwargs: Any) -> None:
            del args, kwargs
            nonlocal furthest
            if self.unit == unit and self.total:
                furthest = max(furthest, int(self.n))
                report(description, furthest, int(self.total))

    return ReportingBar


@contextmanager
def gguf_progress(report: ProgressCallback, description: str) -> Iterator[None]:
    """Report the tensors that transformers unpacks from a GGUF file.

    Its reader for older architectures uses tqdm directly, so tqdm is replaced meanwhile.
    """
    from transformers import modeling_gguf_pytorch_utils

    bar = reporting_bar(report, description, unit="it")
    with patch.object(modeling_gguf_pytorch_utils, "tqdm", bar):
        yield


def quieten_libraries() -> None:
    """Silence the libraries' progress bars and warnings; what matters is raised as an error."""
    from transformers.utils import logging as transformers_logging

    transformers_logging.set_verbosity_error()  # type: ignore[no-untyped-call]
    transformers_logging.disable_progress_bar()  # type: ignore[no-untyped-call]
    logging.getLogger("bitsandbytes").setLevel(logging.ERROR)
