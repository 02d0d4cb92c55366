"""A strategy and its base, from training to the reloaded result."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar, cast

import torch
from transformers import AutoTokenizer

from workbench.data.rendering import Renderer
from workbench.data.splitting import Split
from workbench.evaluation.fingerprint import take_fingerprint
from workbench.models.loaded_base import LoadedBase
from workbench.models.loading import load_base
from workbench.recipe.model import ModelSection
from workbench.recipe.recipe import STRATEGIES, Recipe
from workbench.training.preparation import WorkerBaseContext

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


T = TypeVar("T")


def strategy_of(kind: str, **fields: Any) -> Any:
    """A strategy of that kind; Any, because every kind has other fields."""
    return STRATEGIES[kind](**fields)


IDS = torch.arange(40).reshape(2, 20)


@dataclass(frozen=True)
class Setup:
    """A strategy and the base it works on."""

    strategy: Any  # every kind has other fields
    folder: Path

    def base(self, *, dtype: torch.dtype = torch.float32):
        """A fresh copy of the base, quantised as the strategy requires."""
        return load_base(
            ModelSection(id=str(self.folder)),
            self.folder,
            device=torch.device("cpu"),
            dtype=dtype,
            quantization=self.strategy.quantization(),
        )

    def prepared(self, base=None):
        """A model to train, from a base that the strategy was calibrated on."""
        base = base or self.base()
        self.strategy.calibrate(self.context(base))
        return self.strategy.prepare(base)

    def context(self, base) -> WorkerBaseContext:
        tokenizer = AutoTokenizer.from_pretrained(self.folder)
        renderer = Renderer(tokenizer, True, 128)
        split = Split((), (), "text", ())
        opened = LoadedBase(Recipe(), split, base, tokenizer, renderer, torch.float32)
        reporter = cast("Any", SilentReporter())
        return WorkerBaseContext(opened, take_fingerprint(base, tokenizer), reporter)


class SilentReporter:
    """A reporter that only records phases."""

    def __init__(self) -> None:
        self.told: list[tuple[str, int, int]] = []

    def phase(self, _name: str, detail: str, done: int, total: int) -> None:
        self.told.append((detail, done, total))

    def notice(self, text: str, level: str) -> None:
        """Fail: no notice is expected."""
        raise AssertionError(f"{level}: {text}")

    def retry_when_disk_full(self, write: Callable[[], T], _also: Path) -> T:
        """Write at once: the disk is never full."""
        return write()


def setup(folder: Path, kind: str, **fields: object) -> Setup:
    return Setup(strategy_of(kind, **fields), folder)


def moving(model) -> int:
    """How many numbers require a gradient."""
    return sum(p.numel() for p in model.parameters() if p.requires_grad)


def logits(model) -> torch.Tensor:
    with torch.no_grad():
        return model.eval()(input_ids=IDS, attention_mask=torch.ones_like(IDS)).logits.clone()


def take_steps(model, steps: int = 4, *, learning_rate: float = 0.01) -> None:
    """Move the trainable weights by a few steps of AdamW."""
    optimizer = torch.optim.AdamW(
        [p for p in model.parameters() if p.requires_grad], lr=learning_rate
    )
    model.train()
    for _ in range(steps):
        mask = torch.ones_like(IDS)
        model(input_ids=IDS, attention_mask=mask, labels=IDS).loss.backward()
        optimizer.step()
        optimizer.zero_grad()
    model.eval()


def snapshot(model) -> dict[str, torch.Tensor]:
    """Every tensor of a model, copied."""
    return {name: tensor.detach().clone() for name, tensor in model.state_dict().items()}
