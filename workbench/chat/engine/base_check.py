"""The base proof: what answers in the base lane is the model that the runs started from."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from workbench.chat.engine.lanes import Row
from workbench.chat.protocol import Proof
from workbench.core.errors import BadInputError
from workbench.evaluation.fingerprint import EXACT, PROMPTS, Numerics, read_fingerprint

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from torch import Tensor
    from transformers import PreTrainedTokenizerBase

    from workbench.chat.engine.lanes import Lanes
    from workbench.chat.protocol import ProofState
    from workbench.evaluation.fingerprint import Fingerprint
    from workbench.runs.folder import RunFolder

_WORST_LAST = ("proven", "missing", "refuted")

_SAME = 0.1
"""A lane this much nearer to the base lane than the stored base is: both answer as one model."""


def prove(lanes: Lanes, tokenizer: PreTrainedTokenizerBase, runs: Sequence[RunFolder]) -> Proof:
    """Compare the base lane's logits with those that each run stored before it trained.

    Args:
        lanes: Ready to answer, with everything attached.
        tokenizer: The base's.
        runs: Those whose results are open; the base lane must be what every one started from.

    Returns:
        The worst of all proofs.
    """
    logits, held = lane_logits(lanes, tokenizer), Numerics.of(lanes.base)
    proofs = [_of_run(run, logits, held) for run in runs]
    return max(proofs, key=lambda proof: _WORST_LAST.index(proof.state))


def lane_logits(lanes: Lanes, tokenizer: PreTrainedTokenizerBase) -> dict[str, Tensor]:
    """Logits after each fingerprint prompt in every lane, float32 ``[prompts, vocabulary]``.

    All lanes and prompts are stepped together, as for answers: a prompt but for its last token at
    once, the last one from the cache, so that both ways of computing are under proof.
    """
    import torch

    texts = [
        tokenizer(prompt, return_tensors="pt").input_ids.to(lanes.device) for prompt in PROMPTS
    ]
    whole = {
        Row(lane, ids[:, :-1], unread=ids.shape[1] - 1): ids
        for lane in lanes.every
        for ids in texts
    }
    rows = list(whole)
    stepping = lanes.stepping(rows)
    for row, _ in list(stepping.step(rows)):
        row.seen, row.unread = whole[row], 1
    after = dict(stepping.step(rows))
    return {
        lane.name: torch.cat([after[row] for row in rows if row.lane is lane]).cpu()
        for lane in lanes.every
    }


def _of_run(run: RunFolder, logits: Mapping[str, Tensor], held: Numerics) -> Proof:
    try:
        stored = read_fingerprint(run.base)
    except BadInputError as error:
        return Proof(state="missing", distance=None, text=str(error))
    if stored is None or stored.late:
        return Proof(state="missing", distance=None, text=f"{run.id} {_NOTHING_KEPT}")
    return _Comparison(run.id, stored, logits, held).proof()


_NOTHING_KEPT = (
    "kept no logits of its base from before training, so nothing shows that this is the one"
)


@dataclass(frozen=True)
class _Comparison:
    """One run's stored base against the base lane.

    Attributes:
        run: Its id.
        stored: What it kept.
        logits: What the lanes say now.
        held: How the base is held now.
    """

    run: str
    stored: Fingerprint
    logits: Mapping[str, Tensor]
    held: Numerics

    def proof(self) -> Proof:
        """Judge, and say why."""
        distance = self.stored.distance(self.logits["base"])
        state, text = self._judge(distance)
        return Proof(state=state, distance=distance if math.isfinite(distance) else None, text=text)

    def _judge(self, distance: float) -> tuple[ProofState, str]:
        limit = self.stored.tolerance(self.held)
        measured = f"distance {distance:.1g}, rounding explains {limit:.0e}"
        if why := self._other_shape():
            return "refuted", f"not the base of {self.run}: {why}"
        if not distance <= limit:
            return "refuted", f"not the base of {self.run} ({measured}): {self._cause()}"
        if distance > EXACT and (lane := self._double()):
            return "missing", (
                f"the base lane cannot be told from {lane} ({measured}): {lane} learned nothing "
                f"that shows in {self.held.dtype}, or it is on in both"
            )
        return "proven", (
            f"the logits that {self.run} stored before training ({measured}{self._otherwise()})"
        )

    def _otherwise(self) -> str:
        """What was different then, where rounding has to explain more."""
        then = self.stored.numerics
        if then is None or then == self.held:
            return ""
        return f"; {then} then, {self.held} now"

    def _other_shape(self) -> str:
        """Why no distance is needed, empty where one is."""
        then = self.stored.numerics
        if then is not None and then.quantization != self.held.quantization:
            return (
                f"it is held as {self.held} and was {then} when the run started; open it the same "
                "way"
            )
        ours, theirs = (len(rows[0]) for rows in (self.logits["base"], self.stored.logits))
        if ours != theirs:
            return (
                f"it has a vocabulary of {ours:,} tokens, not of {theirs:,}; put the old base back"
            )
        return ""

    def _cause(self) -> str:
        """What most probably happened, and what to do."""
        if lane := self._double():
            return f"it answers as {lane} does; an adapter is left on, or merged into the base"
        return (
            "its weights are others; put the old base back or set model.revision, unless the "
            "adapter was saved with an initialisation that changes the base (PiSSA, OLoRA, CorDA): "
            "convert that first"
        )

    def _double(self) -> str | None:
        """The lane that answers as the base lane does, rather than as the stored base."""
        base = self.logits["base"]
        off = float((base - self.stored.logits).norm())
        return next(
            (
                lane
                for lane, logits in self.logits.items()
                if lane != "base" and float((logits - base).norm()) < _SAME * off
            ),
            None,
        )
