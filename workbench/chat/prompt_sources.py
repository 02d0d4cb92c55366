"""What there is to ask in a chat with a run: the shipped pack, its worst items, the user's own."""

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

_WORST = 20


def offered(run: RunFolder) -> tuple[list[ProbePack], list[str]]:
    """Every pack that can be asked, which takes seconds where a large report is judged.

    Returns:
        The packs, and one line for each that cannot be read.
    """
    packs, complaints = [shipped_pack()], []
    for read in _sources(run):
        try:
            packs.append(read())
        except NotFoundError:
            continue
        except FtwbError as error:
            complaints.append(str(error))
    return packs, complaints


def _sources(run: RunFolder) -> Iterator[Callable[[], ProbePack]]:
    yield lambda: _worst(run)
    yield _own
    for path in sorted((locations.own_probes() / "packs").glob("*.yaml")):
        yield lambda path=path: load_pack(path)  # type: ignore[misc]


def _worst(run: RunFolder) -> ProbePack:
    items = analyse(read_report(run)).items
    lost = [item for item in items if item.after < item.before][:_WORST]
    if not lost:
        raise NotFoundError(f"{run.id} lost no item")
    prompts = [ProbePrompt(prompt=item.prompt, kind=f"lost in {item.suite}") for item in lost]
    return ProbePack(title="What this run lost", prompts=tuple(prompts))


def _own() -> ProbePack:
    if not user_suite_path().exists():
        raise NotFoundError(f"{user_suite_path()}: no such suite")
    suite = load_suite(user_suite_path())
    prompts = [ProbePrompt(prompt=item.prompt, kind=item.id) for item in suite.items]
    return ProbePack(title=suite.title, prompts=tuple(prompts))
