"""QLoRA: LoRA on a base that is quantised to four bits (arXiv 2305.14314)."""

from __future__ import annotations

from importlib.util import find_spec
from typing import TYPE_CHECKING, ClassVar, Literal

from workbench.core.errors import BadInputError, MachineError
from workbench.recipe.base import field
from workbench.recipe.registry import Card
from workbench.strategies.base import Quantization
from workbench.strategies.low_rank import LowRankStrategy

if TYPE_CHECKING:
    from workbench.models.model_facts import ModelFacts
    from workbench.recipe.training import TrainingSection


_BLOCK = 64
"""Weights that share one scale in bitsandbytes' 4-bit formats."""


class QloraStrategy(LowRankStrategy):
    """Train low-rank adapters in full precision beside a frozen 4-bit base.

    Base and result are compared on the same quantised weights. PEFT's
    ``prepare_model_for_kbit_training`` is not used on purpose: it casts the base's norms, and the
    base must stay as it is.
    """

    card: ClassVar[Card] = Card(
        title="QLoRA",
        does="LoRA beside a base whose matrices bitsandbytes has quantised to four bits.",
        costs=(
            "About half a byte per base parameter instead of two or four; steps are slower, as "
            "every product dequantises its matrix first. Runs on a CPU too, slowly. The quantised "
            "base itself is a little worse than the original."
        ),
        forgets=(
            "As LoRA does, from a base that quantisation has already changed. PEFT's public "
            "benchmark has no row for it; LoRA at rank 32 and 1e-4 forgets .050 nats/token there. "
            "Measured here against the same 4-bit base, so the loss from quantisation does not "
            "show."
        ),
    )

    kind: Literal["qlora"] = field("qlora", title="Strategy", help="LoRA on a 4-bit base.")
    bnb_4bit_quant_type: Literal["nf4", "fp4"] = field(
        "nf4",
        title="4-bit type",
        help="The 16 values that four bits stand for.",
        choices={"nf4": "suits normally distributed weights", "fp4": "a 4-bit float"},
    )
    bnb_4bit_use_double_quant: bool = field(
        True,
        title="Double quantisation",
        help="Quantise the blocks' scales as well: saves about 0.4 bits per parameter.",
        advanced=True,
    )
    bnb_4bit_compute_dtype: Literal["auto", "float32", "bfloat16", "float16"] = field(
        "auto",
        title="Compute in",
        help="Dtype of the products.",
        choices={
            "auto": "that of the weights left unquantised",
            "float32": "the most exact, the slowest on GPUs",
            "bfloat16": "half the memory, the range of float32",
            "float16": "half the memory, for GPUs without bfloat16",
        },
        advanced=True,
    )

    def check(self, facts: ModelFacts, training: TrainingSection) -> None:
        """Refuse a machine without bitsandbytes, and row lengths that it dequantises wrongly."""
        if find_spec("bitsandbytes") is None:
            raise MachineError(
                "strategy.kind: qlora needs bitsandbytes: pip install bitsandbytes, or use lora"
            )
        inputs = {name: facts.features(name)[0] for name in facts.linears()}
        if uneven := sorted(name for name, length in inputs.items() if length % _BLOCK):
            raise BadInputError(
                f"strategy.kind: qlora cannot quantise {uneven[0]}: its rows of "
                f"{inputs[uneven[0]]} are not a multiple of {_BLOCK}, and bitsandbytes dequantises "
                "those wrongly on a CPU; use lora"
            )
        super().check(facts, training)

    def quantization(self) -> Quantization:
        """Four bits, with the options of the fields."""
        return Quantization(
            self.bnb_4bit_quant_type, self.bnb_4bit_use_double_quant, self.bnb_4bit_compute_dtype
        )
