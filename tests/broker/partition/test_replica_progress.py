from hypothesis import given
from hypothesis.strategies import integers, lists, tuples

from broker.partition.replica_progress import ReplicaProgress


@given(lists(tuples(integers(1, 3), integers(0, 100)), max_size=50))
def test_the_watermark_is_the_least_end_and_never_goes_back(moves: list[tuple[int, int]]) -> None:
    progress = ReplicaProgress([1, 2, 3], end_offset=0)
    ends = {1: 0, 2: 0, 3: 0}

    for replica_id, end_offset in moves:
        before = progress.high_watermark
        ends[replica_id] = max(ends[replica_id], end_offset)
        rose = progress.advance(replica_id, end_offset)

        assert progress.high_watermark == min(ends.values())
        assert rose == (progress.high_watermark > before)


def test_one_replica_alone_is_the_watermark() -> None:
    progress = ReplicaProgress([1], end_offset=5)

    assert progress.advance(1, 8)
    assert (progress.high_watermark, progress.in_sync) == (8, frozenset({1}))
