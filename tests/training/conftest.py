"""Runs that are probed, with texts small enough for a tiny model, and workers that die."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import pytest

from tests.probed_runs import general, probed, suite
from tests.training.nursery import TRACE, opened
from workbench.runs import launch as launching

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.training.nursery import Nursery
    from tests.training.undisturbed import Undisturbed
    from workbench.runs.folder import RunFolder

    NewRun = Callable[..., RunFolder]

__all__ = ["general", "probed", "suite"]


@pytest.fixture(scope="session")
def kept() -> dict[str, Any]:
    """What is made once, when the first test needs it."""
    return {}


@pytest.fixture
def nursery(
    kept: dict[str, Any], new_run: Callable[..., RunFolder], monkeypatch: pytest.MonkeyPatch
) -> Nursery:
    """Workers are forked from a process in which such a run was already done, its base measured."""
    from tests.training.undisturbed import RECIPE

    monkeypatch.setenv("FTWB_CACHE", kept.setdefault("cache", os.environ["FTWB_CACHE"]))
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    if "nursery" not in kept:
        kept["nursery"] = opened(dict(os.environ), new_run(*RECIPE).path)
    found: Nursery = kept["nursery"]
    monkeypatch.setattr(launching, "subprocess", found)
    return found


@pytest.fixture
def undisturbed(
    kept: dict[str, Any], nursery: Nursery, new_run: Callable[..., RunFolder]
) -> Undisturbed:
    """Such a run in which nobody was killed."""
    from tests.training.undisturbed import RECIPE, Undisturbed

    if "undisturbed" not in kept:
        run = new_run(*RECIPE)
        nursery.traced = True
        assert nursery.end_of(launching.launch(run)) == 0
        trace = tuple((run.path / TRACE).read_text().splitlines())
        kept["undisturbed"] = Undisturbed(run, trace)
    found: Undisturbed = kept["undisturbed"]
    return found
