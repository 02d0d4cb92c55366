"""Runs that are probed, with texts small enough for a tiny model, and workers that are killed."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import pytest

from tests.probed_runs import general, probed, suite
from tests.strategies.conftest import wide_model
from tests.training.forked_workers import TRACE, start_forking
from workbench.runs import launch as launching

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.training.forked_workers import ForkedWorkers
    from tests.training.reference_run import ReferenceRun
    from workbench.runs.folder import RunFolder

    NewRun = Callable[..., RunFolder]


__all__ = ["general", "probed", "suite", "wide_model"]


@pytest.fixture(scope="session")
def shared() -> dict[str, Any]:
    """What is made once, when the first test needs it."""
    return {}


@pytest.fixture
def workers(
    shared: dict[str, Any], new_run: Callable[..., RunFolder], monkeypatch: pytest.MonkeyPatch
) -> ForkedWorkers:
    """Workers are forked from a process that has done such a run already, its base measured."""
    from tests.training.reference_run import RECIPE

    monkeypatch.setenv("FTWB_CACHE", shared.setdefault("cache", os.environ["FTWB_CACHE"]))
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    if "workers" not in shared:
        shared["workers"] = start_forking(dict(os.environ), new_run(*RECIPE).path)
    forked: ForkedWorkers = shared["workers"]
    monkeypatch.setattr(launching, "subprocess", forked)
    return forked


@pytest.fixture
def reference(
    shared: dict[str, Any], workers: ForkedWorkers, new_run: Callable[..., RunFolder]
) -> ReferenceRun:
    """Such a run whose worker was not killed."""
    from tests.training.reference_run import RECIPE, ReferenceRun

    if "reference" not in shared:
        run = new_run(*RECIPE)
        workers.traced = True
        assert workers.wait(launching.launch(run)) == 0
        trace = tuple((run.path / TRACE).read_text().splitlines())
        shared["reference"] = ReferenceRun(run, trace)
    whole: ReferenceRun = shared["reference"]
    return whole
