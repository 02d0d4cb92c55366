"""Why a run failed, in one line."""

from __future__ import annotations

from workbench.core.errors import FtwbError, first_line
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
    name, line = type(error).__name__, first_line(error)
    return name if line == name else f"{name}: {line}"
