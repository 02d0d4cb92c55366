"""Checks that each result answers in its lane as it did when its run saved it."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from workbench.chat.engine.base_check import lane_logits
from workbench.chat.engine.loader import open_sources
from workbench.chat.engine.multi_adapter import CannotShareBatchError
from workbench.chat.sources import run_of
from workbench.core.errors import BadInputError
from workbench.evaluation.fingerprint import Numerics, read_fingerprint

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from torch import Tensor

    from workbench.chat.engine.decoding import Decoder
    from workbench.chat.engine.lanes import Lanes
    from workbench.chat.protocol import Source
    from workbench.core.progress import ProgressCallback

_IN_TURNS = "takes turns with the base: in one batch it did not answer as the result that was saved"


class CheckedLanes(NamedTuple):
    """Lanes that were compared with what their runs stored.

    Attributes:
        decoder: Answers in them.
        logits: Of every lane, from :func:`workbench.chat.engine.base_check.lane_logits`.
        notes: What a user must know of a lane, by its name.
    """

    decoder: Decoder
    logits: dict[str, Tensor]
    notes: dict[str, str]


def open_checked(sources: Sequence[Source], report: ProgressCallback) -> CheckedLanes:
    """Open every source; one that answers wrongly in a batch is opened again to take turns.

    Raises:
        FtwbError: As :func:`workbench.chat.engine.loader.open_sources`.
    """
    # 1. All lanes that can share a batch do so.
    decoder = open_sources(sources, report)
    report("Checking the lanes", 0, 0)
    try:
        logits = lane_logits(decoder.lanes, decoder.tokenizer)
        wrong = differing(decoder.lanes, logits, sources)
        apart = {
            lane.name for lane in decoder.lanes.all if lane.runs_on_base and lane.name in wrong
        }
    except CannotShareBatchError:
        apart = {lane.name for lane in decoder.lanes.all if lane.runs_on_base} - {"base"}
    # 2. A lane that answers wrongly there is loaded as a separate model.
    if apart:
        del decoder
        decoder = open_sources(sources, report, apart)
        logits = lane_logits(decoder.lanes, decoder.tokenizer)
        wrong = differing(decoder.lanes, logits, sources)
    # 3. What answers wrongly even then is another model than the one that was saved.
    return CheckedLanes(decoder, logits, dict.fromkeys(apart, _IN_TURNS) | wrong)


def differing(
    lanes: Lanes, logits: Mapping[str, Tensor], sources: Sequence[Source]
) -> dict[str, str]:
    """The lanes whose logits are not those that their run stored with its result, and why."""
    held = Numerics.of(lanes.base)
    notes = {
        source.lane: _difference(source, logits[source.lane], held)
        for source in sources
        if source.checkpoint is None
    }
    return {lane: note for lane, note in notes.items() if note}


def _difference(source: Source, logits: Tensor, held: Numerics) -> str:
    """Why a lane is not the result of its run; empty if it is, or if nothing was stored."""
    run = run_of(source)
    try:
        stored = read_fingerprint(run.tuned)
    except BadInputError as error:
        return str(error)
    if stored is None or stored.matches(logits, held):
        return ""
    return (
        f"not the result that {run.id} saved (distance {stored.distance(logits):.1g}, rounding "
        f"explains {stored.tolerance(held):.0e}): its base or its folder has changed; restore them"
    )
