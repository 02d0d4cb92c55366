"""The probe packs of a chat: the shipped one, what the run lost, and the user's own."""

from __future__ import annotations

from typing import TYPE_CHECKING

from workbench.chat.packs import ProbePack, ProbePrompt, load_pack, shipped_pack
from workbench.core import locations
from workbench.core.errors import FtwbError, NotFoundError
from workbench.evaluation.analysis.analysis import analyse
from workbench.evaluation.report import read_report
from workbench.evaluation.suites.suites import load_suite
from workbench.evaluation.suites.user_suite import user_suite_path

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from workbench.runs.folder import RunFolder

_MAX_LOST = 20


def load_packs(run: RunFolder) -> tuple[list[ProbePack], list[str]]:
    """Load every pack; analysing a large report takes seconds.

    Returns:
        The packs, and an error message for each that cannot be read.
    """
    packs, errors = [shipped_pack()], []
    for load in _loaders(run):
        try:
            packs.append(load())
        except NotFoundError:
            continue
        except FtwbError as error:
            errors.append(str(error))
    return packs, errors


def _loaders(run: RunFolder) -> Iterator[Callable[[], ProbePack]]:
    yield lambda: _lost_items(run)
    yield _user_suite
    for path in sorted((locations.own_probes() / "packs").glob("*.yaml")):
        yield lambda path=path: load_pack(path)  # type: ignore[misc]


def _lost_items(run: RunFolder) -> ProbePack:
    items = analyse(read_report(run)).items
    lost = [item for item in items if item.after < item.before][:_MAX_LOST]
    if not lost:
        raise NotFoundError(f"{run.id} lost no item")
    prompts = [ProbePrompt(prompt=item.prompt, kind=f"lost in {item.suite}") for item in lost]
    return ProbePack(title="What this run lost", prompts=tuple(prompts))


def _user_suite() -> ProbePack:
    if not user_suite_path().exists():
        raise NotFoundError(f"{user_suite_path()}: no such suite")
    suite = load_suite(user_suite_path())
    prompts = [ProbePrompt(prompt=item.prompt, kind=item.id) for item in suite.items]
    return ProbePack(title=suite.title, prompts=tuple(prompts))
