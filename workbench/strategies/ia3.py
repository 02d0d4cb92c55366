"""IA³: one learned factor for each key, value and inner unit (arXiv 2205.05638)."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Literal

from workbench.recipe.base import field
from workbench.recipe.registry import Card
from workbench.strategies.peft_base import PeftStrategy
from workbench.strategies.targets import AutoNames, in_attention, linear_modules, pick_names

if TYPE_CHECKING:
    from collections.abc import Iterable

    from peft import PeftConfig
    from transformers import PreTrainedModel

    from workbench.models.model_facts import ModelFacts

_KEYS_AND_VALUES = (
    *("k_proj", "v_proj", "key", "value", "wk", "wv"),
    *("c_attn", "query_key_value", "qkv_proj", "Wqkv"),
)
_OUT_OF_MLP = ("down_proj", "fc2", "c_proj", "dense_4h_to_h", "w2", "fc_out", "wo")


class Ia3Strategy(PeftStrategy):
    """Train vectors that scale activations, started at one."""

    card: ClassVar[Card] = Card(
        title="IA3",
        does="Scales keys, values and the inner units of the MLP by learned factors.",
        costs=(
            "The fewest parameters of all, kilobytes on disk; learns slowly and needs learning "
            "rates around 1e-3 to 1e-2."
        ),
        forgets=(
            "It can only turn up and down what is there, so it usually changes little; the numbers "
            "at hand from PEFT's public benchmark do not cover it. Measure it."
        ),
    )

    kind: Literal["ia3"] = field("ia3", title="Strategy", help="Learned factors, base frozen.")
    outputs: AutoNames = field(
        "auto",
        title="Scaled outputs",
        help="Matrices whose outputs are scaled; auto: those that make keys and values.",
        advanced=True,
    )
    inputs: AutoNames = field(
        "auto",
        title="Scaled inputs",
        help="Matrices whose inputs are scaled; auto: the one that leaves each MLP.",
        advanced=True,
    )

    def trainable_parameters(self, facts: ModelFacts) -> int:
        """One number an output, or an input, of each chosen matrix."""
        outputs, inputs = self._choose(facts.linears())
        return sum(facts.features(name)[1] for name in outputs) + sum(
            facts.features(name)[0] for name in inputs
        )

    def config(self, model: PreTrainedModel) -> PeftConfig:
        """Name every chosen matrix in full."""
        from peft import IA3Config

        outputs, inputs = self._choose(linear_modules(model))
        return IA3Config(
            task_type="CAUSAL_LM",
            target_modules=sorted(outputs | inputs),
            feedforward_modules=sorted(inputs),
        )

    def _choose(self, known: Iterable[str]) -> tuple[set[str], set[str]]:
        every = list(known)
        attention = [name for name in every if in_attention(name)]
        inside = [name for name in every if not in_attention(name)]
        outputs = (
            _present(attention, _KEYS_AND_VALUES, every, "outputs")
            if self.outputs == "auto"
            else pick_names(self.outputs, every, "strategy.outputs")
        )
        inputs = (
            _present(inside, _OUT_OF_MLP, every, "inputs")
            if self.inputs == "auto"
            else pick_names(self.inputs, every, "strategy.inputs")
        )
        return outputs - inputs, inputs


def _present(among: list[str], usual: tuple[str, ...], every: list[str], field: str) -> set[str]:
    """The matrices of a usual name; with none of them the user has to name some."""
    found = {name for name in among if name.rpartition(".")[2] in usual}
    return found or pick_names(("auto",), every, f"strategy.{field}")
