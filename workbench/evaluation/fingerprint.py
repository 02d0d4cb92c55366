"""The untouched base's logits on fixed prompts: a later base is proven against them."""

from __future__ import annotations

import math
from contextlib import suppress
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from workbench.core.errors import BadInputError, MachineError
from workbench.models.eval_mode import eval_mode

if TYPE_CHECKING:
    from pathlib import Path

    import torch
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

_FILE = "fingerprint.safetensors"
_LATE = "after training"

EXACT = 3e-5
"""Float32 here and there: the distance under which no adapter hides.

Another order of the sums (a cache, a batch, more threads) moves the logits of models of 2 to 30
layers by 2e-7 to 8e-7; the weakest adapter, LoRA after one step of AdamW at 1e-5, by 3e-4 to 6e-4.
"""

_HALF = 0.05
"""Either side in 16 bits, or unknown: 30 layers in bfloat16 are 1.4e-2 from float32, and as much
from themselves with a cache.
"""

_HALF_CODES = 0.1
"""As before with weights known to be in four bits: other roundings, other codes, up to 6e-2."""


@dataclass(frozen=True)
class Held:
    """How a base was held when its logits were taken: rounding depends on it.

    Attributes:
        dtype: The coarsest number format that its products are taken in.
        device: ``cpu``, or the name of the GPU.
        quantization: ``nf4``, ``fp4`` or another method's name; empty in full precision.
    """

    dtype: str
    device: str
    quantization: str

    @classmethod
    def of(cls, model: PreTrainedModel) -> Held:
        """Look at a model that is loaded."""
        import torch

        code, products = _quantization(model)
        coarsest = max((model.dtype, products), key=lambda dtype: torch.finfo(dtype).eps)
        device = model.device
        return cls(
            dtype=str(coarsest).removeprefix("torch."),
            device=torch.cuda.get_device_name(device) if device.type == "cuda" else device.type,
            quantization=code,
        )

    def __str__(self) -> str:
        """``float32 on cpu``, ``nf4 and bfloat16 on NVIDIA H200``."""
        numbers = f"{self.quantization} and {self.dtype}" if self.quantization else self.dtype
        return f"{numbers} on {self.device}"


@dataclass(frozen=True)
class Fingerprint:
    """A base's logits on the prompts, as a run keeps them.

    Attributes:
        logits: Float32 ``[prompts, vocabulary]``, on the CPU.
        held: How they were computed; None where that was not written down.
        late: They were taken after training, of the base as it was then.
    """

    logits: Tensor
    held: Held | None
    late: bool

    def distance(self, logits: Tensor) -> float:
        """How far ``logits`` lie from these, relative to them; infinite for another vocabulary."""
        if self.logits.shape != logits.shape:
            return math.inf
        return float((self.logits - logits).norm() / self.logits.norm())

    def tolerance(self, held: Held) -> float:
        """The largest distance that rounding explains for the same base, held like that."""
        then = self.held
        if then is None:
            return _HALF
        if then.dtype == held.dtype == "float32" and (then == held or not held.quantization):
            return EXACT
        return _HALF_CODES if held.quantization else _HALF

    def fits(self, logits: Tensor, held: Held) -> bool:
        """Whether they can be of the same base; never where one of them is not a number."""
        return self.distance(logits) <= self.tolerance(held)


def take_fingerprint(model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase) -> Tensor:
    """Logits after the last token of each prompt, float32 ``[prompts, vocabulary]`` on the CPU."""
    import torch

    rows = []
    with eval_mode(model):
        for prompt in PROMPTS:
            ids = tokenizer(prompt, return_tensors="pt").input_ids.to(model.device)
            logits = model(input_ids=ids, use_cache=False, logits_to_keep=1).logits
            rows.append(logits[0, -1].float().cpu())
    return torch.stack(rows)


def save_fingerprint(logits: Tensor, held: Held, folder: Path, *, late: bool = False) -> None:
    """Write it into the run's ``base/`` folder as safetensors.

    Args:
        logits: Of :func:`take_fingerprint`.
        held: How the base was held.
        folder: The run's.
        late: The run has trained already, so that this may be another base.

    Raises:
        MachineError: The disk is full or cannot be written; what was there is as it was.
    """
    from safetensors import SafetensorError
    from safetensors.torch import save_file

    file = folder / _FILE
    draft = file.with_suffix(".new")
    told = asdict(held) | {"taken": _LATE if late else "before training"}
    try:
        folder.mkdir(parents=True, exist_ok=True)
        save_file({"logits": logits}, draft, metadata=told)
        draft.replace(file)
    except (OSError, SafetensorError) as error:
        with suppress(OSError):
            draft.unlink()
        raise MachineError(f"{file}: cannot be written: {error}") from error


def read_fingerprint(folder: Path) -> Fingerprint | None:
    """What is kept in a run's ``base/`` folder; None where nothing is.

    Raises:
        BadInputError: The file is broken.
    """
    from safetensors import SafetensorError, safe_open

    file = folder / _FILE
    if not file.is_file():
        return None
    try:
        with safe_open(file, framework="pt") as stored:
            told = stored.metadata() or {}
            logits = stored.get_tensor("logits")
    except SafetensorError as error:
        raise BadInputError(f"{file}: broken, so no base can be proven with it") from error
    known = {name: told.get(name, "") for name in Held.__annotations__}
    held = Held(**known) if known["dtype"] else None
    return Fingerprint(logits, held, late=told.get("taken") == _LATE)


def _quantization(model: PreTrainedModel) -> tuple[str, torch.dtype]:
    """The 4-bit code or another method's name, and the number format of the products."""
    config: Any = getattr(model.config, "quantization_config", None)
    if config is None:
        return "", model.dtype
    if not getattr(config, "load_in_4bit", False):
        return str(config.quant_method.value), model.dtype
    return str(config.bnb_4bit_quant_type), config.bnb_4bit_compute_dtype
