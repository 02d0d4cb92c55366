"""Which base model a run starts from."""

from __future__ import annotations

from typing import Literal

from workbench.recipe.base import Section, field


class ModelSection(Section):
    """Which base model to start from and how to load it."""

    id: str = field(
        "demo",
        title="Base model",
        help="'demo', a hub id, a local folder, or a .gguf file.",
        min_length=1,
    )
    revision: str | None = field(
        None, title="Revision", help="Branch, tag or commit of a hub model.", advanced=True
    )
    dtype: Literal["auto", "float32", "bfloat16", "float16"] = field(
        "auto",
        title="Weights in memory",
        help="auto: bfloat16 where the device multiplies it fast, float32 elsewhere.",
    )
    trust_remote_code: bool = field(
        False,
        title="Trust remote code",
        help="Run Python code that the model's authors ship. Off unless you have read it.",
        advanced=True,
    )
