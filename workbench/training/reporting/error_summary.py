"""Why a run failed, in one line."""

from __future__ import annotations

from workbench.core.errors import FtwbError
from workbench.models.auto_batch_size import out_of_memory


def error_summary(error: Exception) -> str:
    """One line for the user: what happened, and what to do where that is known."""
    if isinstance(error, FtwbError):
        return str(error)
    if out_of_memory(error):
        return (
            "out of GPU memory: end other programs on the device, train fewer weights "
            "(strategy.kind=lora), or hold the base in 4 bits (strategy.kind=qlora)"
        )
    first_line = str(error).strip().partition("\n")[0]
    return f"{type(error).__name__}: {first_line}" if first_line else type(error).__name__
