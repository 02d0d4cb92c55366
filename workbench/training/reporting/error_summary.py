"""Why a run ended, in one line."""

from __future__ import annotations

from workbench.core.errors import FtwbError
from workbench.models.auto_batch_size import out_of_memory


def error_summary(error: Exception) -> str:
    """One line that tells a user why the run ended."""
    if isinstance(error, FtwbError):
        return str(error)
    if out_of_memory(error):
        return (
            "out of GPU memory: end other programs on the device, or train less of the model "
            "(strategy.kind=lora), or hold it in four bits (strategy.kind=qlora)"
        )
    first = str(error).strip().partition("\n")[0]
    return f"{type(error).__name__}: {first}" if first else type(error).__name__
