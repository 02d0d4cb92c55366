"""The KL from what is kept of the base's predictions, against the exact one."""

from __future__ import annotations

import pytest
import torch
from torch.nn import functional

from workbench.evaluation.run.base_predictions import DRAWN_TOKENS, TOP_TOKENS, BasePredictions
from workbench.retention.penalties.kl import kl_to_base, kl_to_top_tokens, top_tokens

_TOKENS, _VOCABULARY = 600, 3000


def _logits(seed: int, spread: float = 1.5) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    return spread * torch.randn(_TOKENS, _VOCABULARY, generator=generator)


def _kept(logits: torch.Tensor, seed: int = 0) -> BasePredictions:
    labels = torch.arange(len(logits)) % _VOCABULARY
    return BasePredictions.of(logits, labels, torch.Generator().manual_seed(seed))


def test_the_mean_is_the_exact_kl_where_the_lower_bound_is_far_below() -> None:
    base = _logits(0)
    tuned = base + _logits(1, 0.7)
    exact = kl_to_base(base, tuned).mean().item()
    bound = kl_to_top_tokens(top_tokens(base, TOP_TOKENS), tuned).mean().item()
    estimates = [_kept(base, seed).kl(tuned).mean().item() for seed in range(20)]
    assert bound < 0.8 * exact
    assert estimates == pytest.approx([exact] * 20, rel=0.05)
    assert sum(estimates) / 20 == pytest.approx(exact, rel=0.01)


def test_a_token_that_the_base_hardly_ever_predicts_is_counted() -> None:
    base = _logits(0)
    tuned = base.clone()
    tuned[:, 7] += 15
    exact = kl_to_base(base, tuned).mean().item()
    assert exact > 3
    assert _kept(base).kl(tuned).mean().item() == pytest.approx(exact, rel=0.01)


def test_an_unchanged_model_has_no_kl() -> None:
    base = _logits(0)
    assert _kept(base).kl(base).abs().max() == 0
    shifted = _kept(base).kl(base + 3)  # logits are known up to a constant
    assert shifted.abs().max() < 1e-5


def test_weights_add_up_to_one_and_drawn_tokens_are_none_of_the_likely() -> None:
    base = _logits(0)
    kept = _kept(base)
    assert kept.ids.shape == (_TOKENS, TOP_TOKENS + DRAWN_TOKENS)
    torch.testing.assert_close(kept.weights.sum(-1), torch.ones(_TOKENS))
    likely, drawn = kept.ids[:, :TOP_TOKENS], kept.ids[:, TOP_TOKENS:]
    assert not (likely[:, :, None] == drawn[:, None, :]).any()
    torch.testing.assert_close(
        kept.nll,
        functional.cross_entropy(base, torch.arange(_TOKENS) % _VOCABULARY, reduction="none"),
    )


def test_a_base_that_predicts_nan_is_left_to_its_loss() -> None:
    assert _kept(torch.full((3, 200), torch.nan)).nll.isnan().all()
