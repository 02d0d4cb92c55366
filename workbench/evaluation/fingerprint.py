"""Logits of the untouched base on fixed prompts, by which a base is recognised later."""

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

    from workbench.runs.folder import RunFolder

PROMPTS = (
    "The capital of France is",
    "What is photosynthesis?",
    "def fibonacci(n):",
    "Once upon a time",
    "2 + 2 =",
    "Dear customer,",
)

EXACT = 3e-5
"""Tolerance in float32; no adapter is that close to its base.

Another order of summation (a cache, a batch, more threads) moves the logits of models of 2 to 30
layers by 2e-7 to 8e-7; the weakest adapter, LoRA after one step of AdamW at 1e-5, by 3e-4 to 6e-4.
"""

_HALF_PRECISION = 0.05
"""Tolerance if either side is 16-bit or unknown.

In 30 layers, bfloat16 is 1.4e-2 from float32, and as much from itself with a cache.
"""

_QUANTIZED = 0.1
"""Tolerance for 4-bit weights: other rounding gives other codes, up to 6e-2."""

_FILE = "fingerprint.safetensors"
_LATE = "after training"


@dataclass(frozen=True)
class Numerics:
    """How a base's logits are computed: rounding depends on it.

    Attributes:
        dtype: The coarsest dtype in which its products are computed.
        device: ``cpu``, or the name of the GPU.
        quantization: ``nf4``, ``fp4`` or the name of another method; empty in full precision.
    """

    dtype: str
    device: str
    quantization: str

    @classmethod
    def of(cls, model: PreTrainedModel) -> Numerics:
        """Read them from a loaded model."""
        import torch

        quantization, compute_dtype = _quantization(model)
        coarsest = max((model.dtype, compute_dtype), key=lambda dtype: torch.finfo(dtype).eps)
        device = model.device
        return cls(
            dtype=str(coarsest).removeprefix("torch."),
            device=torch.cuda.get_device_name(device) if device.type == "cuda" else device.type,
            quantization=quantization,
        )

    def __str__(self) -> str:
        """``float32 on cpu``, ``nf4 and bfloat16 on NVIDIA H200``."""
        formats = f"{self.quantization} and {self.dtype}" if self.quantization else self.dtype
        return f"{formats} on {self.device}"


@dataclass(frozen=True)
class Fingerprint:
    """The logits of a base, as a run stores them.

    Attributes:
        logits: Float32 ``[prompts, vocabulary]``, on the CPU.
        numerics: How they were computed; None if that was not recorded.
        late: They were taken after training, from the base as it was then.
    """

    logits: Tensor
    numerics: Numerics | None
    late: bool

    def distance(self, logits: Tensor) -> float:
        """‖stored - logits‖ / ‖stored‖; infinite for a vocabulary of another size."""
        if self.logits.shape != logits.shape:
            return math.inf
        return float((self.logits - logits).norm() / self.logits.norm())

    def tolerance(self, numerics: Numerics) -> float:
        """The largest distance that rounding explains, if the same base is computed like that."""
        stored = self.numerics
        if stored is None:
            return _HALF_PRECISION
        both_float32 = stored.dtype == numerics.dtype == "float32"
        if both_float32 and (stored == numerics or not numerics.quantization):
            return EXACT
        return _QUANTIZED if numerics.quantization else _HALF_PRECISION

    def matches(self, logits: Tensor, numerics: Numerics) -> bool:
        """Whether ``logits`` can be those of the same base; never if one of them is NaN."""
        return self.distance(logits) <= self.tolerance(numerics)


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


def verify_base(run: RunFolder, logits: Tensor, numerics: Numerics) -> Fingerprint | None:
    """Check that a loaded base is the one ``run`` started from.

    Returns:
        The stored fingerprint; None if the run stores none, so that nothing could be checked.

    Raises:
        BadInputError: This is another base, or the stored fingerprint is broken.
    """
    stored = read_fingerprint(run.base)
    if stored is not None and not stored.matches(logits, numerics):
        raise BadInputError(
            f"the base model is not the one {run.id} started from: its logits differ from those "
            "recorded; restore the old base or pin model.revision"
        )
    return stored


def verify_result(run: RunFolder, model: Any, tokenizer: PreTrainedTokenizerBase) -> None:
    """Check that ``model``, loaded from the run's folder, is the result that the run recorded.

    Raises:
        BadInputError: It is another model, or the stored fingerprint is broken.
    """
    stored = read_fingerprint(run.tuned)
    if stored and not stored.matches(take_fingerprint(model, tokenizer), Numerics.of(model)):
        raise BadInputError(
            f"{run.model}: not the result of {run.id}: its logits differ from those recorded when "
            "it was saved; restore the folder, or train again"
        )


def save_fingerprint(
    logits: Tensor, numerics: Numerics, folder: Path, *, late: bool = False
) -> None:
    """Write a fingerprint into the run's ``base/`` folder as safetensors.

    Args:
        logits: From :func:`take_fingerprint`.
        numerics: How they were computed.
        folder: The run's ``base/`` folder.
        late: The run has already trained, so that this may be another base.

    Raises:
        MachineError: The disk is full or cannot be written; an old fingerprint is left as it was.
    """
    from safetensors import SafetensorError
    from safetensors.torch import save_file

    file = folder / _FILE
    draft = file.with_suffix(".new")
    metadata = asdict(numerics) | {"taken": _LATE if late else "before training"}
    try:
        folder.mkdir(parents=True, exist_ok=True)
        save_file({"logits": logits}, draft, metadata=metadata)
        draft.replace(file)
    except (OSError, SafetensorError) as error:
        with suppress(OSError):
            draft.unlink()
        raise MachineError(f"{file}: cannot be written: {error}") from error


def read_fingerprint(folder: Path) -> Fingerprint | None:
    """The fingerprint in a run's ``base/`` folder; None if there is none.

    Raises:
        BadInputError: The file is broken.
    """
    from safetensors import SafetensorError, safe_open

    file = folder / _FILE
    if not file.is_file():
        return None
    try:
        with safe_open(file, framework="pt") as stored:
            metadata = stored.metadata() or {}
            logits = stored.get_tensor("logits")
    except SafetensorError as error:
        raise BadInputError(f"{file}: broken, so the base cannot be verified with it") from error
    values = {name: metadata.get(name, "") for name in Numerics.__annotations__}
    numerics = Numerics(**values) if values["dtype"] else None
    return Fingerprint(logits, numerics, late=metadata.get("taken") == _LATE)


def _quantization(model: PreTrainedModel) -> tuple[str, torch.dtype]:
    """The 4-bit code or another method's name, and the dtype of the products."""
    config: Any = getattr(model.config, "quantization_config", None)
    if config is None:
        return "", model.dtype
    if not getattr(config, "load_in_4bit", False):
        return str(config.quant_method.value), model.dtype
    return str(config.bnb_4bit_quant_type), config.bnb_4bit_compute_dtype
