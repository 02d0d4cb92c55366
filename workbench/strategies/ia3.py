"""IA³: one learned factor for each key, value and MLP activation (arXiv 2205.05638)."""

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
_MLP_OUTPUTS = ("down_proj", "fc2", "c_proj", "dense_4h_to_h", "w2", "fc_out", "wo")


class Ia3Strategy(PeftStrategy):
    """Train vectors that scale activations, initialised to one."""

    card: ClassVar[Card] = Card(
        title="IA3",
        does="Scales keys, values and the hidden units of the MLP by learned factors.",
        costs=(
            "The fewest parameters of all strategies, kilobytes on disk; learns slowly and needs "
            "learning rates around 1e-3 to 1e-2."
        ),
        forgets=(
            "It can only amplify or dampen what is there, so it usually changes little. PEFT's "
            "public benchmark does not cover it: measure."
        ),
    )

    kind: Literal["ia3"] = field(
        "ia3", title="Strategy", help="Learned scaling factors, base frozen."
    )
    target_modules: AutoNames = field(
        "auto",
        title="Scaled matrices",
        help="auto: the key and value projections, and the output projection of each MLP.",
        advanced=True,
    )
    feedforward_modules: AutoNames = field(
        "auto",
        title="Scaled at the input",
        help="Which of them are scaled at their input instead of their output; auto: the MLP's.",
        advanced=True,
    )

    def trainable_parameters(self, facts: ModelFacts) -> int:
        """One factor per output, or per input, of each chosen matrix."""
        outputs, inputs = self._choose(facts.linears())
        return sum(facts.features(name)[1] for name in outputs) + sum(
            facts.features(name)[0] for name in inputs
        )

    def config(self, model: PreTrainedModel) -> PeftConfig:
        """An IA³ config that lists every scaled matrix by its full name."""
        from peft import IA3Config

        outputs, inputs = self._choose(linear_modules(model))
        return IA3Config(
            task_type="CAUSAL_LM",
            target_modules=sorted(outputs | inputs),
            feedforward_modules=sorted(inputs),
        )

    def _choose(self, linears: Iterable[str]) -> tuple[set[str], set[str]]:
        """The matrices scaled at their outputs, and those scaled at their inputs, by full name.

        Raises:
            BadInputError: A name matches no matrix, or a feed-forward module is not a target.
        """
        names = list(linears)
        inputs = self._scaled_at_input(names)
        if self.target_modules == "auto":
            attention = [name for name in names if in_attention(name)]
            targets = _require_usual(attention, _KEYS_AND_VALUES, names, "target_modules")
            return targets - inputs, inputs
        targets = pick_names(self.target_modules, names, "strategy.target_modules")
        if self.feedforward_modules == "auto":
            inputs &= targets
        if stray := sorted(inputs - targets):
            raise BadInputError(
                f"strategy.feedforward_modules: {stray[0]} is not in strategy.target_modules; "
                "add it there"
            )
        return targets - inputs, inputs

    def _scaled_at_input(self, names: list[str]) -> set[str]:
        if self.feedforward_modules != "auto":
            return pick_names(self.feedforward_modules, names, "strategy.feedforward_modules")
        in_mlp = [name for name in names if not in_attention(name)]
        if self.target_modules != "auto":
            return _with_usual_name(in_mlp, _MLP_OUTPUTS)
        return _require_usual(in_mlp, _MLP_OUTPUTS, names, "feedforward_modules")


def _with_usual_name(candidates: Iterable[str], usual: tuple[str, ...]) -> set[str]:
    return {name for name in candidates if name.rpartition(".")[2] in usual}


def _require_usual(
    candidates: list[str], usual: tuple[str, ...], names: list[str], field: str
) -> set[str]:
    """The candidates with a usual name; where there are none, the user has to name some."""
    return _with_usual_name(candidates, usual) or pick_names(("auto",), names, f"strategy.{field}")
