"""IA³: one learned factor for each key, value and inner unit (arXiv 2205.05638)."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Literal

from workbench.core.errors import BadInputError
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
    target_modules: AutoNames = field(
        "auto",
        title="Scaled matrices",
        help="auto: those that make keys and values, and the one that leaves each MLP.",
        advanced=True,
    )
    feedforward_modules: AutoNames = field(
        "auto",
        title="Scaled at their inputs",
        help="Which of them are scaled at the input instead of the output; auto: the MLP's.",
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
        """Full names of the matrices scaled at their outputs, and of those scaled at their inputs.

        Raises:
            BadInputError: A name fits no matrix, or a feed-forward module is not a target.
        """
        every = list(known)
        inputs = self._inputs(every)
        if self.target_modules == "auto":
            attention = [name for name in every if in_attention(name)]
            return _present(attention, _KEYS_AND_VALUES, every, "target_modules") - inputs, inputs
        targets = pick_names(self.target_modules, every, "strategy.target_modules")
        if self.feedforward_modules == "auto":
            inputs &= targets
        if stray := sorted(inputs - targets):
            raise BadInputError(
                f"strategy.feedforward_modules: {stray[0]} is not in strategy.target_modules; "
                "add it there"
            )
        return targets - inputs, inputs

    def _inputs(self, every: list[str]) -> set[str]:
        if self.feedforward_modules != "auto":
            return pick_names(self.feedforward_modules, every, "strategy.feedforward_modules")
        inside = [name for name in every if not in_attention(name)]
        if self.target_modules != "auto":
            return _usual(inside, _OUT_OF_MLP)
        return _present(inside, _OUT_OF_MLP, every, "feedforward_modules")


def _usual(among: Iterable[str], usual: tuple[str, ...]) -> set[str]:
    return {name for name in among if name.rpartition(".")[2] in usual}


def _present(among: list[str], usual: tuple[str, ...], every: list[str], field: str) -> set[str]:
    """The matrices of a usual name; with none of them the user has to name some."""
    return _usual(among, usual) or pick_names(("auto",), every, f"strategy.{field}")
