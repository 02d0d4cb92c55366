"""KL to the base: zero to itself, a bound from few tokens, and the formula's own gradient."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

import pytest
import torch
from torch.nn import functional

from workbench.retention.penalties import kl
from workbench.retention.penalties.kl import (
    KlPenalty,
    kl_to_base,
    kl_to_top_tokens,
    top_tokens,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

VOCABULARY = 50


@pytest.fixture
def base() -> torch.Tensor:
    return 3 * torch.randn(7, VOCABULARY, generator=torch.Generator().manual_seed(0))


@pytest.fixture
def tuned() -> torch.Tensor:
    return 3 * torch.randn(7, VOCABULARY, generator=torch.Generator().manual_seed(1))


def formula(base: torch.Tensor, tuned: torch.Tensor) -> torch.Tensor:
    return functional.kl_div(
        tuned.log_softmax(-1), base.log_softmax(-1), log_target=True, reduction="none"
    ).sum(-1)


@pytest.mark.parametrize("chunk", [7, 50, 64])
def test_the_chunks_add_up_to_the_formula(
    base: torch.Tensor, tuned: torch.Tensor, chunk: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kl, "_CHUNK", chunk)
    ours, theirs = (tuned.clone().requires_grad_() for _ in range(2))
    weights = torch.rand(7, generator=torch.Generator().manual_seed(2))
    found, expected = kl_to_base(base, ours), formula(base, theirs)
    assert torch.allclose(found, expected, atol=1e-5)
    (found * weights).sum().backward()
    (expected * weights).sum().backward()
    assert ours.grad is not None
    assert theirs.grad is not None
    assert torch.allclose(ours.grad, theirs.grad, atol=1e-6)


def test_its_gradient_survives_a_numerical_check(base: torch.Tensor, tuned: torch.Tensor) -> None:
    found = tuned[:2].clone().requires_grad_()
    direction = torch.randn(2, VOCABULARY, generator=torch.Generator().manual_seed(3))
    kl_to_base(base[:2], found).sum().backward()
    step = 1e-3 * direction.double()
    rise = formula(base[:2].double(), tuned[:2] + step) - formula(
        base[:2].double(), tuned[:2] - step
    )
    assert float((found.grad * direction).sum()) == pytest.approx(
        float(rise.sum()) / 2e-3, rel=1e-3
    )


def test_a_model_has_no_distance_to_itself(base: torch.Tensor) -> None:
    logits = base.clone().requires_grad_()
    kl = kl_to_base(base, logits)
    assert kl.abs().max() < 1e-6
    kl.sum().backward()
    assert logits.grad.abs().max() < 1e-6
    assert kl_to_top_tokens(top_tokens(base, 4), base).abs().max() < 1e-6


def test_top_tokens_give_a_lower_bound_that_tightens(
    base: torch.Tensor, tuned: torch.Tensor
) -> None:
    whole = formula(base, tuned)
    found = [kl_to_top_tokens(top_tokens(base, k), tuned) for k in (1, 5, 20, VOCABULARY)]
    for fewer, more in pairwise(found):
        assert (fewer <= more + 1e-5).all()
    assert (found[1] > 0).all()
    assert torch.allclose(found[-1], whole, atol=1e-4)


def test_the_guard_draws_every_batch_before_any_again() -> None:
    class Model(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.shift = torch.nn.Parameter(torch.zeros(VOCABULARY))

    seen: list[int] = []

    def logits(model: torch.nn.Module, batch: Mapping[str, torch.Tensor]) -> torch.Tensor:
        assert not model.training
        seen.append(int(batch["index"]))
        return batch["logits"] + model.shift

    torch.manual_seed(0)
    batches = [{"index": torch.tensor(i), "logits": torch.randn(3, VOCABULARY)} for i in range(5)]
    model = Model()
    kept = [top_tokens(batch["logits"], 8) for batch in batches]
    guard = KlPenalty(0.25, batches, logits, kept, seed=0)
    guard.attach(model)
    model.train()
    penalties = [float(guard.penalty().detach()) for _ in range(10)]
    assert model.training
    assert sorted(seen[:5]) == sorted(seen[5:]) == list(range(5))
    assert seen[:5] != seen[5:]
    assert max(penalties) < 1e-6
    with torch.no_grad():
        model.shift[:5] = 1
    penalty = float(guard.penalty().detach())
    assert penalty == pytest.approx(0.25 * guard.logs()["kl"])
    assert penalty > 1e-3
