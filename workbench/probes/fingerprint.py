"""The untouched base's logits on fixed prompts: a later base is proven against them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from workbench.probes.evaluating import evaluating

if TYPE_CHECKING:
    from pathlib import Path

    from torch import Tensor
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

PROMPTS = (
    "The capital of France is",
    "What is photosynthesis?",
    "def fibonacci(n):",
    "Once upon a time",
    "2 + 2 =",
    "Dear customer,",
)


def take_fingerprint(model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase) -> Tensor:
    """Logits after the last token of each prompt, float32 ``[prompts, vocabulary]`` on the CPU."""
    import torch

    rows = []
    with evaluating(model):
        for prompt in PROMPTS:
            ids = tokenizer(prompt, return_tensors="pt").input_ids.to(model.device)
            logits = model(input_ids=ids, use_cache=False, logits_to_keep=1).logits
            rows.append(logits[0, -1].float().cpu())
    return torch.stack(rows)


def save_fingerprint(fingerprint: Tensor, folder: Path) -> None:
    """Write it into the run's ``base/`` folder as safetensors."""
    from safetensors.torch import save_file

    folder.mkdir(parents=True, exist_ok=True)
    save_file({"logits": fingerprint}, folder / "fingerprint.safetensors")
