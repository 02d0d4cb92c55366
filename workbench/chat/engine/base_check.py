"""Checks that what answers in the base lane is the model that the runs started from."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import torch

from workbench.chat.engine.decoding import Row, make_batches
from workbench.chat.protocol import Proof
from workbench.core.errors import BadInputError
from workbench.evaluation.fingerprint import EXACT, PROMPTS, Numerics, read_fingerprint

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from torch import Tensor
    from transformers import PreTrainedTokenizerBase

    from workbench.chat.engine.lanes import Lanes
    from workbench.evaluation.fingerprint import Fingerprint
    from workbench.runs.folder import RunFolder

_WORST_LAST = ("proven", "missing", "refuted")

_SAME_MODEL = 0.1
"""A lane whose distance from the base lane is less than this share of the stored base's: both
lanes answer with the same model."""


def check_base(lanes: Lanes, logits: Mapping[str, Tensor], runs: Sequence[RunFolder]) -> Proof:
    """Compare the base lane's logits with those that each run stored before training.

    Args:
        lanes: Ready to answer, with everything attached.
        logits: Of every lane, from :func:`lane_logits`.
        runs: The runs whose results are open; each must have started from the base lane's model.

    Returns:
        The worst of the runs' results.
    """
    held = Numerics.of(lanes.base)
    proofs = [_check_run(run, logits, held) for run in runs]
    return max(proofs, key=lambda proof: _WORST_LAST.index(proof.state))


def lane_logits(lanes: Lanes, tokenizer: PreTrainedTokenizerBase) -> dict[str, Tensor]:
    """Logits after each fingerprint prompt in every lane, float32 ``[prompts, vocabulary]``.

    All lanes and prompts are decoded together, as answers are: first each prompt without its last
    token, then that token with the cache, so that both kinds of forward pass are checked.
    """
    prompts = [
        tokenizer(prompt, return_tensors="pt").input_ids.to(lanes.device) for prompt in PROMPTS
    ]
    rows = {Row(lane, ids[:, :-1]): ids for lane in lanes.all for ids in prompts}
    batches = make_batches(lanes, list(rows))
    for batch in batches:
        batch.step(rows)
    for row, ids in rows.items():
        row.tokens = ids
    logits = {row: row_logits for batch in batches for row, row_logits in batch.step(rows)}
    return {
        lane.name: torch.cat([logits[row] for row in rows if row.lane is lane]).cpu()
        for lane in lanes.all
    }


def _check_run(run: RunFolder, logits: Mapping[str, Tensor], held: Numerics) -> Proof:
    """Compare the base lane with what one run stored.

    Args:
        run: The run.
        logits: Of every lane, from :func:`lane_logits`.
        held: How the base is held in memory now.
    """
    # 1. Without logits from before training there is nothing to compare with.
    try:
        stored = read_fingerprint(run.base)
    except BadInputError as error:
        return Proof(state="missing", distance=None, text=str(error))
    if stored is None or stored.late:
        text = f"{run.id} stored no logits of its base before training to compare this base with"
        return Proof(state="missing", distance=None, text=text)

    # 2. A base that is quantised differently, or has another vocabulary, is another model.
    distance = stored.distance(logits["base"])
    finite_distance = distance if math.isfinite(distance) else None
    if difference := _difference_in_kind(stored, logits["base"], held):
        text = f"not the base of {run.id}: {difference}"
        return Proof(state="refuted", distance=finite_distance, text=text)

    # 3. So is one that is further away than rounding explains; NaN is never close enough.
    tolerance = stored.tolerance(held)
    measured = f"distance {distance:.1g}, rounding explains {tolerance:.0e}"
    same_lane = _lane_like_base(stored, logits)
    if not distance <= tolerance:
        cause = _result_in_base(run, logits["base"], held) or _likely_cause(same_lane)
        text = f"not the base of {run.id} ({measured}): {cause}"
        return Proof(state="refuted", distance=finite_distance, text=text)

    # 4. In 16 bits rounding may hide an adapter that is left on in the base lane as well.
    if distance > EXACT and same_lane:
        text = (
            f"the base lane cannot be told from {same_lane} ({measured}): {same_lane} learned "
            f"nothing that shows in {held.dtype}, or it is on in both"
        )
        return Proof(state="missing", distance=distance, text=text)

    then = stored.numerics
    formats = f"; {then} then, {held} now" if then not in (None, held) else ""
    text = f"same logits as {run.id} stored before training ({measured}{formats})"
    return Proof(state="proven", distance=distance, text=text)


def _difference_in_kind(stored: Fingerprint, logits: Tensor, held: Numerics) -> str:
    """Why the base cannot be the same whatever the distance of its logits; empty if it can."""
    then = stored.numerics
    if then is not None and then.quantization != held.quantization:
        return f"it is held as {held} and was {then} when the run started; open it the same way"
    vocabulary, stored_vocabulary = logits.shape[1], stored.logits.shape[1]
    if vocabulary != stored_vocabulary:
        return (
            f"it has a vocabulary of {vocabulary:,} tokens, not of {stored_vocabulary:,}; restore "
            "the original base"
        )
    return ""


def _result_in_base(run: RunFolder, logits: Tensor, held: Numerics) -> str:
    """Says so where the base answers as the run's result did when it was saved; else empty."""
    try:
        result = read_fingerprint(run.tuned)
    except BadInputError:
        return ""
    if result is None or not result.matches(logits, held):
        return ""
    return (
        f"it answers as the result of {run.id}, which was merged into it or saved in its place; "
        "restore the base"
    )


def _likely_cause(same_lane: str | None) -> str:
    """What most probably happened, and what to do."""
    if same_lane:
        return f"it answers as {same_lane} does; an adapter is left on, or merged into the base"
    return (
        "its logits differ from those recorded; restore the base or pin model.revision, unless the "
        "adapter was saved with an initialisation that changes the base (PiSSA, OLoRA, CorDA): "
        "convert that first"
    )


def _lane_like_base(stored: Fingerprint, logits: Mapping[str, Tensor]) -> str | None:
    """A lane that answers as the base lane does, but not as the stored base did."""
    base = logits["base"]
    limit = _SAME_MODEL * float((base - stored.logits).norm())
    for name, lane in logits.items():
        if name != "base" and float((lane - base).norm()) < limit:
            return name
    return None
