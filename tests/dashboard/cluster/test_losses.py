"""What retention took before a group read it is counted once, whatever the group does next."""

from collections.abc import Mapping

from dashboard.cluster.losses import Losses
from tracker.topics import TopicPartition

FIRST, SECOND = TopicPartition("events", 0), TopicPartition("events", 1)


def lost(losses: Losses, commits: Mapping[TopicPartition, int], *starts: int) -> list[int]:
    """The group's losses in `events` after each look, in which the first log began there."""
    return [losses.count("web", commits, {FIRST: start})["events"] for start in starts]


def test_only_what_lies_between_the_commit_and_the_start_is_lost() -> None:
    assert lost(Losses(), {FIRST: 50}, 0, 49, 50, 51, 60) == [0, 0, 0, 1, 10]


def test_each_record_is_counted_once() -> None:
    losses = Losses()

    looks = lost(losses, {FIRST: 50}, 60, 60, 65)
    moved_back = lost(losses, {FIRST: 0}, 65, 66)
    moved_on = lost(losses, {FIRST: 70}, 70, 72)

    assert (looks, moved_back, moved_on) == ([10, 10, 15], [15, 16], [16, 18])


def test_partitions_add_up_and_one_whose_start_is_not_known_loses_nothing() -> None:
    commits = {FIRST: 5, SECOND: 5, TopicPartition("other", 0): 5}

    assert Losses().count("web", commits, {FIRST: 7, SECOND: 8}) == {"events": 5, "other": 0}


def test_a_topic_that_is_made_anew_begins_anew_and_what_was_lost_stays_lost() -> None:
    losses = Losses()
    lost(losses, {FIRST: 50}, 60)

    losses.forget({"events"})

    assert lost(losses, {FIRST: 0}, 2) == [12]


def test_a_group_that_is_gone_is_forgotten() -> None:
    losses = Losses()
    lost(losses, {FIRST: 50}, 60)

    losses.keep({"web"})
    stays = lost(losses, {FIRST: 50}, 60)
    losses.keep(set())

    assert (stays, lost(losses, {FIRST: 50}, 50)) == ([10], [0])
