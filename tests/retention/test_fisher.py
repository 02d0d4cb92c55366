"""The Fisher information against a closed form, and what it predicts against what happens."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

import pytest
import torch
from peft import LoraConfig, get_peft_model
from torch.nn import functional
from transformers import AutoModelForCausalLM

from tests.retention.models import SoftmaxRegression, batches_of, exact_fisher
from workbench.data.rendering import Rendered
from workbench.models.loss import labelled_logits
from workbench.recipe import yaml_io
from workbench.retention.ewc import EwcProtection
from workbench.retention.penalties.fisher import (
    diagonal_fisher,
    frozen_but_differentiable,
    gradient_limit,
    kronecker_fisher,
)
from workbench.retention.penalties.kl import kl_to_base

if TYPE_CHECKING:
    from collections.abc import Mapping

TOKENS, FEATURES, CLASSES = 24, 3, 4


@pytest.fixture
def regression() -> tuple[SoftmaxRegression, torch.Tensor]:
    torch.manual_seed(0)
    return SoftmaxRegression(FEATURES, CLASSES), torch.randn(TOKENS, FEATURES)


@pytest.mark.slow
@pytest.mark.parametrize("size", [1, 4, 24])
def test_it_equals_the_closed_form_at_any_batch_size(
    regression: tuple[SoftmaxRegression, torch.Tensor], size: int
) -> None:
    model, inputs = regression
    repeats = 150 * size  # as many squares for every size
    found = diagonal_fisher(
        model, dict(model.named_parameters()), batches_of(inputs, size) * repeats, seed=1
    )["linear.weight"]
    expected = exact_fisher(model, inputs)
    assert (found - expected).norm() / expected.norm() < 0.06


def test_squares_of_a_batch_mean_would_be_too_small(
    regression: tuple[SoftmaxRegression, torch.Tensor],
) -> None:
    """The usual mistake shrinks with the batch size, and the test above would catch it."""
    model, inputs = regression
    squares = torch.zeros(CLASSES, FEATURES)
    generator = torch.Generator().manual_seed(0)
    for _ in range(200):
        logits = model.linear(inputs)
        labels = torch.multinomial(logits.softmax(-1), 1, generator=generator)[:, 0]
        loss = functional.cross_entropy(logits, labels)
        squares += torch.autograd.grad(loss, model.linear.weight)[0].square() / 200
    expected = exact_fisher(model, inputs)
    assert squares.norm() < 0.1 * expected.norm()


def test_kronecker_factors_are_the_moments_of_each_side(
    regression: tuple[SoftmaxRegression, torch.Tensor],
) -> None:
    model, inputs = regression
    inputs.requires_grad_()
    found = kronecker_fisher(model, {"w": model.linear}, _hooked(inputs) * 2000, seed=1)
    chances = model.linear(inputs.detach()).softmax(-1)
    expected = (chances * (1 - chances)).mean(0)
    assert torch.allclose(found["w.inputs"], inputs.detach().square().mean(0), rtol=1e-4)
    assert torch.allclose(found["w.outputs"], expected, rtol=0.05)


def _hooked(inputs: torch.Tensor) -> list[dict[str, torch.Tensor]]:
    """One batch whose module sees ``[rows, length, features]`` and some padding."""
    x = torch.cat([inputs, torch.full((8, FEATURES), 99.0)]).reshape(4, 8, FEATURES)
    mask = torch.tensor([1, 1, 1, 0])[:, None].expand(4, 8)
    return [{"x": x, "attention_mask": mask}]


def test_padding_does_not_count(tiny_model: str) -> None:
    model = AutoModelForCausalLM.from_pretrained(tiny_model).eval()
    ids = torch.arange(12).reshape(2, 6)
    padded = functional.pad(ids, (0, 3), value=7)
    mask = functional.pad(torch.ones_like(ids), (0, 3))
    labels = functional.pad(ids, (0, 3), value=-100)
    plain = [{"input_ids": ids, "attention_mask": torch.ones_like(ids), "labels": ids}]
    longer = [{"input_ids": padded, "attention_mask": mask, "labels": labels}]
    modules = {"q": model.model.layers[0].self_attn.q_proj}

    def logits(batch: Mapping[str, torch.Tensor]) -> torch.Tensor:
        return labelled_logits(model, batch)[0]

    with frozen_but_differentiable(model):
        one, other = (kronecker_fisher(logits, modules, found, seed=0) for found in (plain, longer))
    for name in one:
        assert torch.allclose(one[name], other[name], rtol=1e-4, atol=1e-9)
    assert all(parameter.requires_grad for parameter in model.parameters())
    assert all(parameter.grad is None for parameter in model.parameters())


def test_half_of_fisher_times_squared_change_is_the_kl(tiny_model: str) -> None:
    model = AutoModelForCausalLM.from_pretrained(tiny_model).eval()
    ids = torch.randint(0, 250, (16, 24), generator=torch.Generator().manual_seed(0))
    batch = {"input_ids": ids, "attention_mask": torch.ones_like(ids), "labels": ids}
    rows = [{name: tensor[i : i + 1] for name, tensor in batch.items()} for i in range(len(ids))]

    def logits(batch: Mapping[str, torch.Tensor]) -> torch.Tensor:
        return labelled_logits(model, batch)[0]

    fisher = diagonal_fisher(logits, dict(model.named_parameters()), rows * 8, seed=0)
    with torch.no_grad():
        before = logits(batch).clone()
        generator = torch.Generator().manual_seed(1)
        predicted, measured = [], []
        for _ in range(12):
            changes = {
                name: 2e-3 * torch.randn(parameter.shape, generator=generator)
                for name, parameter in model.named_parameters()
            }
            for name, parameter in model.named_parameters():
                parameter.add_(changes[name])
            measured.append(float(kl_to_base(before, logits(batch)).mean()))
            for name, parameter in model.named_parameters():
                parameter.sub_(changes[name])
            predicted.append(
                sum(float((fisher[n] * c.square()).sum()) / 2 for n, c in changes.items())
            )
    assert sum(predicted) == pytest.approx(sum(measured), rel=0.15)


def test_tied_embeddings_count_once(tiny_model: str) -> None:
    model = AutoModelForCausalLM.from_pretrained(tiny_model).eval()
    assert model.lm_head.weight is model.model.embed_tokens.weight
    ids = torch.arange(12).reshape(2, 6)
    batch = {"input_ids": ids, "attention_mask": torch.ones_like(ids), "labels": ids}
    fisher = diagonal_fisher(
        lambda found: labelled_logits(model, found)[0],
        dict(model.named_parameters()),
        [batch],
        seed=0,
    )
    assert "model.embed_tokens.weight" in fisher
    assert "lm_head.weight" not in fisher
    assert {tensor.dtype for tensor in fisher.values()} == {torch.float32}


class Scene:
    """What EWC asks of a worker, for a model small enough to compute by hand."""

    def __init__(self, base: SoftmaxRegression, inputs: torch.Tensor) -> None:
        self.recipe = yaml_io.validate({"strategy": {"kind": "full"}})
        self.base = base
        self._inputs = inputs

    def report(self, what: str, done: int, total: int) -> None:
        """Show nothing."""

    def general_rows(self, _source: str, _rows: int) -> list[Rendered]:
        return [Rendered([1], [1], False)]

    def batches(self, _rows: list[Rendered], size: int) -> list[dict[str, torch.Tensor]]:
        return batches_of(self._inputs, size) * 40

    def with_auto_batch_size(self, _what: str, rows: int, work: Any) -> Any:
        return work(rows)

    def logits(self, model: SoftmaxRegression, batch: dict[str, torch.Tensor]) -> torch.Tensor:
        return model(batch)

    def cached(self, _name: str, compute: Any, *_inputs: Any) -> dict[str, torch.Tensor]:
        return compute()


def test_a_gradient_step_along_outliers_is_predicted() -> None:
    """One feature of two thousand is large, so that four entries hold almost all of the Fisher."""
    torch.manual_seed(0)
    inputs = torch.randn(TOKENS, 2000)
    inputs[:, 0] *= 50
    model = SoftmaxRegression(2000, CLASSES)
    torch.nn.init.normal_(model.linear.weight, std=0.001)
    guard = EwcProtection(strength=1).build_guard(cast("Any", Scene(model, inputs)))
    guard.attach(model)
    (batch,) = batches_of(inputs, TOKENS)
    before = model(batch).detach()
    labels = torch.randint(CLASSES, (TOKENS,))
    functional.cross_entropy(model(batch), labels).backward()
    with torch.no_grad():
        gradient = model.linear.weight.grad
        assert gradient is not None
        model.linear.weight -= 0.05 / gradient.norm() * gradient / 50
        measured = float(kl_to_base(before, model(batch)).mean())
    guard.penalty()
    assert 0.5 < measured / guard.logs()["ewc_kl"] < 2  # what the diagonal leaves out
    assert measured / guard.logs()["ewc"] > 10  # a strength of 1: what the term of the loss counts


def test_the_limit_is_the_quantile_of_all_entries() -> None:
    entries = torch.arange(1.0, 10_001.0)
    order = torch.randperm(10_000, generator=torch.Generator().manual_seed(0))
    fisher = {"a": entries[order[:4000]].reshape(40, 100), "b": entries[order[4000:]]}
    assert gradient_limit(fisher, seed=0) == 9991


def test_factors_of_the_base_match_the_names_of_pefts_modules(tiny_model: str) -> None:
    """Without PEFT's prefix."""
    from workbench.retention.penalties.low_rank import LowRankPenalty
    from workbench.strategies.targets import linear_modules

    base = AutoModelForCausalLM.from_pretrained(tiny_model).eval()
    modules: dict[str, Any] = {**linear_modules(base)}
    fisher = {
        f"{name}.{side}": torch.full((size,), 2.0)
        for name, module in modules.items()
        for side, size in (("inputs", module.in_features), ("outputs", module.out_features))
    }
    model = get_peft_model(base, LoraConfig(r=2, target_modules="all-linear"))
    guard = LowRankPenalty("ewc", 1.0, fisher)
    guard.attach(model)
    assert float(guard.half_squares().detach()) == 0
