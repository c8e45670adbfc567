"""Snapshots with less in them: share groups, streams groups, and groups of hidden topics."""

from dataclasses import replace

import pytest

from dashboard.cluster.model import Estimate, Group, GroupPartition, GroupState, Snapshot
from dashboard.config import RightsConfig
from dashboard.identity import Identity, Role
from dashboard.limited.seen import filtered
from dashboard.rights.rules import Sight, rights
from tracker.kafka.answers import GroupDescription, GroupMember
from tracker.kafka.groups import ShareGroup, ShareStart, StreamsGroup, Subtopology
from tracker.topics import TopicPartition

SEEN, HIDDEN = TopicPartition("seen", 0), TopicPartition("hidden", 0)
MEMBER = GroupMember("m", "client", "/127.0.0.1", "", (SEEN, HIDDEN))


def sight(**rule: str) -> Sight:
    config = RightsConfig(who=("everybody",), **{"topics": "seen", "groups": "g", **rule})  # type: ignore[arg-type]
    return rights({"one": config}, ()).of(Identity("ann", Role.VIEWER))


def snapshot(*groups: Group, share: tuple[ShareGroup, ...] = ()) -> Snapshot:
    named = {group.group_id: group for group in groups}
    return Snapshot("local", 1, 0, 0.0, "", 1, (), {}, named, share)


def group(streams: StreamsGroup | None = None) -> Group:
    return Group(
        "g", "classic", "stable", "", 1, (MEMBER,), (), GroupState.OK, "calm", streams=streams
    )


def test_members_are_shown_without_what_they_read_of_hidden_topics() -> None:
    found = filtered(snapshot(group()), sight()).groups["g"]

    assert found.members[0].assignment == (SEEN,)
    assert (found.state, found.cause) == (GroupState.OK, "calm")


def part(place: TopicPartition, state: GroupState, cause: str) -> GroupPartition:
    return GroupPartition(
        *(place.topic, place.partition, 1, 0, 9, 8, 5.0, Estimate.EXACT, 0, None, None, 0, None),
        state,
        cause,
    )


def test_partitions_name_their_member_without_what_it_reads_of_hidden_topics() -> None:
    mine = replace(part(SEEN, GroupState.OK, "calm"), member=MEMBER)

    (shown,) = (
        filtered(snapshot(replace(group(), partitions=(mine,))), sight()).groups["g"].partitions
    )

    assert shown.member is not None and shown.member.assignment == (SEEN,)


def test_rates_and_since_are_not_told_of_a_group_whose_hidden_topics_they_count() -> None:
    parts = (part(SEEN, GroupState.OK, "calm"), part(HIDDEN, GroupState.STOPPED, "hidden!"))
    judged = replace(
        group(),
        partitions=parts,
        state=GroupState.STOPPED,
        consume_rate=1.0,
        produce_rate=9.0,
        since_ms=60_000,
    )

    found = filtered(snapshot(judged), sight()).groups["g"]

    assert (found.state, found.since_ms) == (GroupState.OK, None)
    assert (found.consume_rate, found.produce_rate) == (None, None)


@pytest.mark.parametrize(
    ("whole", "shown", "cause"),
    [
        (GroupState.STOPPED, GroupState.SLOW, "behind"),
        (GroupState.UNKNOWN, GroupState.UNKNOWN, "not all of it is known"),
    ],
)
def test_the_verdict_is_that_of_what_is_seen_but_a_silent_group_is_never_ok(
    whole: GroupState, shown: GroupState, cause: str
) -> None:
    parts = (part(SEEN, GroupState.SLOW, "behind"), part(HIDDEN, GroupState.STOPPED, "hidden!"))
    judged = replace(group(), partitions=parts, state=whole, cause="hidden stands still")

    found = filtered(snapshot(judged), sight()).groups["g"]

    assert (found.state, found.cause) == (shown, cause)
    assert found.partitions == parts[:1]


def test_a_share_group_is_shown_without_partitions_of_hidden_topics() -> None:
    starts = {SEEN: ShareStart(1, 2), HIDDEN: ShareStart(3, 4)}
    told = (ShareGroup("g", "stable", members=(MEMBER,), starts=starts), ShareGroup("h", "stable"))

    (found,) = filtered(snapshot(share=told), sight()).share_groups

    assert (found.topics, found.lag) == (("seen",), 2)


def test_a_share_group_of_which_nothing_is_hidden_is_shown_as_it_is() -> None:
    """So that its history, which counts all of it, may be shown as well."""
    whole = ShareGroup("g", "stable", starts={SEEN: ShareStart(1, 2)})

    assert filtered(snapshot(share=(whole,)), sight()).share_groups[0] is whole


@pytest.mark.parametrize(("topic", "shown"), [("seen", True), ("hidden", False)])
def test_a_topology_is_shown_whole_or_not_at_all(topic: str, shown: bool) -> None:
    about = GroupDescription("g", "streams", "stable", "", 1, ())
    streams = StreamsGroup(about, 1, 1, (Subtopology("0", (topic,), (), ()),), ())

    found = filtered(snapshot(group(streams)), sight()).groups["g"]

    assert (found.streams is not None) is shown


def test_whoever_sees_all_topics_and_groups_gets_the_very_same_snapshot() -> None:
    whole = snapshot(group())

    assert filtered(whole, sight(topics=".*", groups=".*")) is whole
