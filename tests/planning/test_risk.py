"""The risk of forgetting rises with what causes it, and every remedy lowers it as promised."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import settings as examples
from hypothesis import strategies as st

from tests.planning.facts import facts
from workbench.data.narrowness import Narrowness
from workbench.planning.learning_rates import rate_sum
from workbench.planning.plan import plan, warmup_steps
from workbench.recipe import yaml_io
from workbench.recipe.recipe import PROTECTIONS, STRATEGIES, Recipe

if TYPE_CHECKING:
    from workbench.planning.risk import Risk

FACTS = facts(
    parameters=135_000_000,
    shapes={
        f"model.layers.{layer}.{name}.weight": (64, 64)
        for layer in range(2)
        for name in ("self_attn.q_proj", "self_attn.k_proj", "self_attn.o_proj", "mlp.down_proj")
    },
)
NARROW = Narrowness(rows=400, first_word_bits=2.5, compression=0.2, repeated=0.1)
VARIED = Narrowness(rows=400, first_word_bits=6.2, compression=0.5, repeated=0.0)

RATES = st.floats(1e-7, 1e-1)
SHARES = st.floats(0, 0.9)


def risk(*settings: str, answers: Narrowness = NARROW, rows: int = 400) -> Risk:
    values: dict[str, Any] = {"strategy": {"kind": "full"}, "training": {"learning_rate": 1e-4}}
    return risk_of(yaml_io.validate(yaml_io.override(values, settings)), answers, rows)


def risk_of(recipe: Recipe, answers: Narrowness = NARROW, rows: int = 400) -> Risk:
    estimated = plan(recipe, FACTS, rows, answers=answers).risk
    assert estimated is not None
    return estimated


@examples(deadline=None, max_examples=60)
@given(one=RATES, other=RATES, kind=st.sampled_from(["full", "lora", "ia3"]))
def test_a_higher_rate_is_never_less_risky(one: float, other: float, kind: str) -> None:
    low, high = sorted((one, other))
    scores = [
        risk(f"strategy.kind={kind}", f"training.learning_rate={rate!r}").score
        for rate in (low, high)
    ]
    assert scores[0] <= scores[1]


@examples(deadline=None, max_examples=60)
@given(one=st.integers(1, 10_000), other=st.integers(1, 10_000))
def test_more_steps_are_never_less_risky(one: int, other: int) -> None:
    fewer, more = sorted((one, other))
    scores = [risk(f"training.max_steps={steps}").score for steps in (fewer, more)]
    assert scores[0] <= scores[1] + 1e-9


@examples(deadline=None, max_examples=60)
@given(one=SHARES, other=SHARES)
def test_more_replay_is_never_riskier(one: float, other: float) -> None:
    less, more = sorted((one, other))
    scores = [risk(f"retention.replay.share={share!r}").score for share in (less, more)]
    assert scores[0] >= scores[1]
    assert scores[0] <= risk().score


@examples(deadline=None, max_examples=60)
@given(
    rows=st.integers(2, 2000),
    bits=st.tuples(st.floats(0, 11), st.floats(0, 11)),
    ratios=st.tuples(st.floats(0.01, 1.2), st.floats(0.01, 1.2)),
    repeats=st.tuples(st.floats(0, 1), st.floats(0, 1)),
)
def test_narrower_data_is_never_less_risky(
    rows: int,
    bits: tuple[float, float],
    ratios: tuple[float, float],
    repeats: tuple[float, float],
) -> None:
    narrow = Narrowness(
        rows=rows, first_word_bits=min(bits), compression=min(ratios), repeated=max(repeats)
    )
    wide = Narrowness(
        rows=rows, first_word_bits=max(bits), compression=max(ratios), repeated=min(repeats)
    )
    assert risk(answers=narrow).score >= risk(answers=wide).score - 1e-9


@pytest.mark.parametrize("kind", PROTECTIONS)
def test_a_protection_lowers_it_by_what_was_measured(kind: str) -> None:
    protected = Recipe.model_validate(
        {
            "strategy": {"kind": "full"},
            "training": {"learning_rate": 1e-4},
            "retention": {kind: {}},
        }
    )
    relief = protected.retention.active()[kind].relief(protected.strategy)
    assert risk().score - risk_of(protected).score == pytest.approx(relief)
    assert (relief > 0) == (kind in {"replay", "kl", "l2sp", "ewc"})


def test_the_formula_by_hand() -> None:
    """50 steps on a cosine at a mean of half the rate, twice the highest usual: worth 50 steps."""
    estimated = risk("training.learning_rate=2e-4", "retention.replay.share=0.2")
    index = NARROW.index
    assert estimated.worth == pytest.approx(50, rel=1e-3)
    expected = 1.9 * 50 / (50 + 61) * 10 ** (0.38 * index) * 10**-0.22
    assert estimated.expected_kl == pytest.approx(expected, rel=1e-3)
    assert estimated.level == "high"


def test_what_trains_less_of_the_model_is_less_risky() -> None:
    scores = [risk("strategy.kind=freeze", f"strategy.layers={layers}").score for layers in (1, 2)]
    assert scores[0] < scores[1] < risk().score


@pytest.mark.parametrize(
    ("settings", "level", "remedy"),
    [
        (("training.learning_rate=1e-3",), "high", "learning rate 1e-4"),
        (("training.num_train_epochs=3",), "high", "KL to base"),
        (("training.learning_rate=1e-5", "training.max_steps=12"), "low", None),
        (("training.learning_rate=3e-5", "training.max_steps=12"), "medium", "KL to base"),
    ],
)
def test_levels_and_the_most_effective_remedy(
    settings: tuple[str, ...], level: str, remedy: str | None
) -> None:
    estimated = risk(*settings)
    assert estimated.level == level
    assert (estimated.remedy and estimated.remedy.text) == remedy


def test_the_reasons_add_up_to_the_score_and_name_what_raises_it() -> None:
    estimated = risk("training.num_train_epochs=3")
    assert estimated.score == pytest.approx(sum(reason.points for reason in estimated.reasons))
    assert estimated.raised_by == "narrow answers, 3 epochs, no replay, no KL to base"
    assert "usual learning rate" not in estimated.raised_by


@pytest.mark.parametrize("kind", STRATEGIES)
def test_following_the_remedies_ends_and_each_saves_what_it_promises(kind: str) -> None:
    settings: tuple[str, ...] = (
        f"strategy.kind={kind}",
        "training.learning_rate=0.05",
        "training.num_train_epochs=50",
        "strategy.layers=1" if kind == "freeze" else "training.seed=1",
        "strategy.patterns=[layers]" if kind == "freeze" else "training.seed=1",
    )
    estimated = risk(*settings)
    assert estimated.level == "high"
    for _ in range(6):
        if estimated.remedy is None:
            break
        settings = (*settings, *estimated.remedy.settings)
        before, promised = estimated.score, estimated.remedy.saves
        estimated = risk(*settings)
        assert before - estimated.score == pytest.approx(promised)
    assert estimated.remedy is None


def test_soft_prompts_are_riskier_than_their_few_parameters() -> None:
    reasons = risk("strategy.kind=prompt_tuning").reasons
    reason = next(r for r in reasons if r.text == STRATEGIES["prompt_tuning"].card.title)
    assert reason.points == STRATEGIES["prompt_tuning"].risk_points > 0


@pytest.mark.parametrize(
    "scheduler", ["linear", "cosine", "constant", "constant_with_warmup", "inverse_sqrt"]
)
@pytest.mark.parametrize("warmup", [0, 30])
def test_the_closed_form_of_the_rate_sum_is_the_sum_over_the_schedule(
    scheduler: str, warmup: int
) -> None:
    import torch
    from transformers import get_scheduler

    recipe = yaml_io.validate(
        {"training": {"learning_rate": 0.5, "lr_scheduler_type": scheduler, "warmup_steps": warmup}}
    )
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=0.5)
    schedule = get_scheduler(scheduler, optimizer, warmup_steps(recipe.training, 400), 400)
    total = 0.0
    for _ in range(400):
        total += schedule.get_last_lr()[0]
        optimizer.step()
        schedule.step()
    assert rate_sum(recipe.training, 400, warmup) == pytest.approx(total, rel=0.02)
