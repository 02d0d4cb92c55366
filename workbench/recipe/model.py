"""The base model of a run."""

from __future__ import annotations

from typing import Literal

from workbench.recipe.base import Section, field


class ModelSection(Section):
    """Which base model to start from and how to load it."""

    id: str = field(
        "demo",
        title="Base model",
        help="'demo', a hub id such as Qwen/Qwen3-0.6B, a local folder, or a .gguf file.",
        min_length=1,
    )
    revision: str | None = field(
        None,
        title="Revision",
        empty="newest",
        help="Branch, tag or commit of a hub model; a commit gives the same weights every time.",
        advanced=True,
    )
    dtype: Literal["auto", "float32", "bfloat16", "float16"] = field(
        "auto",
        title="Weight dtype",
        help="Number format of the base's weights, decided at the first start and kept with the "
        "run.",
        choices={
            "auto": "bfloat16 where the processor has instructions for it, else float32; always "
            "float32 where the base's own weights are trained",
            "float32": "4 bytes per parameter",
            "bfloat16": "2 bytes per parameter, range of float32, 3 significant digits",
            "float16": "2 bytes per parameter, 4 significant digits, small range",
        },
    )
    trust_remote_code: bool = field(
        False,
        title="Trust remote code",
        help="Run Python code that ships with the model; leave it off unless you have read it.",
        advanced=True,
    )
    resize_embeddings: bool = field(
        False,
        title="Resize embeddings",
        help="Add a row to the embedding for each token that was added to the tokenizer, and train "
        "the new rows; with full, LoRA and QLoRA, and freeze if it trains the embeddings.",
        advanced=True,
    )
