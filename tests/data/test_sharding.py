"""Dealing batches out: together the processes see what one process sees, in the same rounds."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from workbench.data.batches import LengthBucketSampler
from workbench.data.mixing import MixingSampler
from workbench.data.sharding import DealtSampler

BLANK = 1000


@given(
    lengths=st.lists(st.integers(1, 50), min_size=1, max_size=40),
    batch_size=st.integers(1, 5),
    size=st.integers(1, 6),
    epoch=st.integers(0, 3),
    share=st.sampled_from([0.0, 0.3, 0.7]),
)
def test_every_round_holds_the_batches_that_come_next(
    lengths: list[int], batch_size: int, size: int, epoch: int, share: float
) -> None:
    def batches() -> MixingSampler:
        targets = LengthBucketSampler(lengths, batch_size, seed=7)
        return MixingSampler(targets, lengths, [3, 5, 9], share, seed=7)

    whole = batches()
    whole.set_epoch(epoch)
    samplers = [DealtSampler(batches(), rank, size, BLANK) for rank in range(size)]
    for sampler in samplers:
        sampler.set_epoch(epoch)
    dealt = [list(sampler) for sampler in samplers]
    assert {len(own) for own in dealt} == {len(sampler) for sampler in samplers}
    in_order = [batch for taken in zip(*dealt, strict=True) for batch in taken]
    expected = list(whole)
    assert in_order[: len(expected)] == expected
    assert in_order[len(expected) :] == [[BLANK]] * (len(in_order) - len(expected))
    assert len(in_order) - len(expected) < size
