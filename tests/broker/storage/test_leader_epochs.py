"""Which leader wrote what: epochs of a log, as LeaderEpochFileCache of Apache Kafka answers."""

import pytest

from broker.storage.leader_epochs import LeaderEpochs
from tests.support.memory_files import MemoryFiles


def epochs_of(*entries: tuple[int, int]) -> LeaderEpochs:
    epochs = LeaderEpochs(MemoryFiles(), "/logs/events-0")
    for epoch, start_offset in entries:
        epochs.assign(epoch, start_offset)
    return epochs


def test_epoch_0_is_an_epoch_and_a_negative_one_is_none() -> None:
    assert epochs_of((-1, 0), (0, 3)).entries == ((0, 3),)


def test_an_epoch_that_is_not_newer_changes_nothing() -> None:
    assert epochs_of((1, 0), (1, 5), (0, 9)).entries == ((1, 0),)


@pytest.mark.parametrize(
    ("offset", "epoch"), [(2, -1), (3, 0), (9, 0), (10, 2), (19, 2), (20, 5), (99, 5)]
)
def test_the_epoch_of_an_offset_is_the_last_that_began_by_then(offset: int, epoch: int) -> None:
    assert epochs_of((0, 3), (2, 10), (5, 20)).epoch_of(offset) == epoch


@pytest.mark.parametrize(
    ("epoch", "found"),
    [
        (-1, (-1, -1)),
        (0, (0, 3)),  # older than all that are known
        (1, (1, 10)),
        (2, (1, 10)),  # nobody wrote in it
        (4, (4, 25)),
        (5, (-1, -1)),
    ],
)
def test_where_an_epoch_ends(epoch: int, found: tuple[int, int]) -> None:
    assert epochs_of((1, 3), (4, 10)).end_offset_for(epoch, 4, 25) == found


def test_the_leader_s_own_epoch_is_known_before_it_writes() -> None:
    epochs = epochs_of((1, 3))

    assert epochs.end_offset_for(2, 2, 25) == (2, 25)
    assert epochs.end_offset_for(1, 2, 25) == (1, 25)
    assert epochs_of().end_offset_for(0, -1, 25) == (-1, -1)


@pytest.mark.parametrize(
    ("start", "left"),
    [
        (2, ((1, 3), (4, 10))),  # before all of them
        (3, ((1, 3), (4, 10))),
        (7, ((1, 7), (4, 10))),
        (10, ((4, 10),)),
        (12, ((4, 12),)),
    ],
)
def test_of_a_log_cut_at_its_start_the_epoch_there_is_kept(
    start: int, left: tuple[tuple[int, int], ...]
) -> None:
    epochs = epochs_of((1, 3), (4, 10))

    epochs.truncate_from_start(start)

    assert epochs.entries == left


@pytest.mark.parametrize(("end", "left", "latest"), [(11, 2, 4), (10, 1, 1), (3, 0, -1)])
def test_of_a_log_cut_at_its_end_the_later_epochs_go(end: int, left: int, latest: int) -> None:
    epochs = epochs_of((1, 3), (4, 10))

    epochs.truncate_from_end(end)

    assert (len(epochs.entries), epochs.latest) == (left, latest)
