"""Joining, syncing and leaving a classic group, rule by rule."""

from broker.coordinator.group.classic.group import GroupLimits
from broker.coordinator.group.classic.member import Protocol
from broker.coordinator.group.classic.messages import MemberIdentity
from broker.coordinator.group.descriptions import describe
from broker.errors import ErrorCode
from tests.support.classic_group_driver import GroupDriver

STICKY_OR_RANGE = (Protocol("sticky", b"s"), Protocol("range", b"r"))
RANGE_OR_STICKY = (Protocol("range", b"r"), Protocol("sticky", b"s"))


def test_a_new_member_is_told_its_id_first_and_joins_with_it() -> None:
    driver = GroupDriver()

    first = driver.join("a")
    driver.join("a", first.member_id if first else "")

    assert first is not None and first.error is ErrorCode.MEMBER_ID_REQUIRED
    assert driver.joined("a").error is ErrorCode.NONE
    assert driver.joined("a").member_id == first.member_id
    assert driver.joined("a").generation == 1


def test_before_v4_a_new_member_is_let_in_at_once() -> None:
    driver = GroupDriver()

    driver.join("a", version=3)

    assert driver.joined("a").error is ErrorCode.NONE
    assert driver.joined("a").leader == driver.joined("a").member_id


def test_an_id_that_was_never_given_out_is_unknown() -> None:
    driver = GroupDriver()
    driver.settle("a")

    response = driver.join("b", "made-up")

    assert response is not None and response.error is ErrorCode.UNKNOWN_MEMBER_ID


def test_only_the_leader_sees_the_members() -> None:
    driver = GroupDriver()
    ids = driver.settle("a")

    ids["b"] = driver.admit("b")
    driver.rejoin(ids)

    leader, follower = driver.joined("a"), driver.joined("b")
    assert {member.member_id for member in leader.members} == set(ids.values())
    assert {member.metadata for member in leader.members} == {b"r"}
    assert follower.members == () and follower.leader == ids["a"]
    assert leader.generation == follower.generation == 2


def test_every_member_votes_and_the_most_wanted_common_protocol_wins() -> None:
    driver = GroupDriver(GroupLimits(initial_rebalance_delay_ms=100))

    driver.join("a", protocols=STICKY_OR_RANGE, version=3)
    driver.join("b", protocols=RANGE_OR_STICKY, version=3)
    driver.join("c", protocols=RANGE_OR_STICKY, version=3)
    driver.advance(1_000)

    assert driver.joined("a").protocol_name == "range"


def test_a_member_that_shares_no_protocol_is_refused() -> None:
    driver = GroupDriver()
    driver.settle("a")

    other = driver.join("b", protocols=(Protocol("roundrobin", b""),))
    kind = driver.join("c", protocol_type="connect")
    nothing = driver.join("d", protocols=())

    assert [r.error for r in (other, kind, nothing) if r] == (
        [ErrorCode.INCONSISTENT_GROUP_PROTOCOL] * 3
    )


def test_a_new_group_waits_for_company_as_long_as_members_keep_coming() -> None:
    driver = GroupDriver(GroupLimits(initial_rebalance_delay_ms=3_000))

    driver.join("a", version=3)
    driver.advance(2_000)
    driver.join("b", version=3)
    driver.advance(2_000)
    waiting = "a" not in driver.answers
    driver.advance(2_000)

    assert waiting
    assert driver.joined("a").generation == driver.joined("b").generation == 1
    assert len(driver.joined("a").members) == 2


def test_the_wait_for_company_ends_with_the_rebalance_timeout() -> None:
    driver = GroupDriver(GroupLimits(initial_rebalance_delay_ms=3_000))

    for number in range(4):
        driver.join(f"m{number}", version=3, rebalance_ms=7_000)
        driver.advance(2_000)

    assert driver.joined("m0").generation == 1


def test_a_member_that_stays_away_from_the_rebalance_is_dropped() -> None:
    driver = GroupDriver()
    ids = driver.settle("a", "b")

    driver.join("a", ids["a"])
    for _ in range(7):  # b keeps its session alive but does not rejoin
        driver.heartbeat(ids["b"])
        driver.advance(9_000)

    assert driver.joined("a").error is ErrorCode.NONE
    assert [member.member_id for member in driver.joined("a").members] == [ids["a"]]
    assert driver.heartbeat(ids["b"]) is ErrorCode.UNKNOWN_MEMBER_ID


def test_a_pending_member_holds_up_the_rebalance_until_its_session_timeout() -> None:
    driver = GroupDriver()
    ids = driver.settle("a")
    pending = driver.join("b")
    driver.join("a", ids["a"])

    driver.advance(9_999)
    held_up = "a" not in driver.answers
    driver.advance(1)

    assert pending is not None and held_up
    assert driver.joined("a").generation == 2
    late = driver.join("b", pending.member_id)
    assert late is not None and late.error is ErrorCode.UNKNOWN_MEMBER_ID


def test_a_pending_member_that_leaves_lets_the_rebalance_end() -> None:
    driver = GroupDriver()
    ids = driver.settle("a")
    pending = driver.join("b")
    driver.join("a", ids["a"])

    results = driver.leave(MemberIdentity(pending.member_id if pending else ""))

    assert [result.error for result in results] == [ErrorCode.NONE]
    assert driver.joined("a").generation == 2


def test_an_unchanged_follower_that_rejoins_causes_no_rebalance() -> None:
    driver = GroupDriver()
    ids = driver.settle("a", "b")
    generation = driver.group.generation

    response = driver.join("b", ids["b"])

    assert response is not None and response.generation == generation
    assert driver.group.state == "Stable"


def test_a_follower_with_a_new_subscription_causes_a_rebalance() -> None:
    driver = GroupDriver()
    ids = driver.settle("a", "b")

    response = driver.join("b", ids["b"], protocols=(Protocol("range", b"more topics"),))

    assert response is None
    assert driver.group.state == "PreparingRebalance"
    assert driver.heartbeat(ids["a"]) is ErrorCode.REBALANCE_IN_PROGRESS


def test_the_leader_that_rejoins_always_causes_a_rebalance() -> None:
    driver = GroupDriver()
    ids = driver.settle("a", "b")

    response = driver.join("a", ids["a"])

    assert response is None
    assert driver.group.state == "PreparingRebalance"


def test_a_lost_join_answer_is_given_again() -> None:
    driver = GroupDriver()
    member_id = driver.admit("a")

    again = driver.join("a", member_id)

    assert again is not None and again.generation == 1
    assert [member.member_id for member in again.members] == [member_id]


def test_members_wait_for_the_leaders_assignment_and_get_their_share() -> None:
    driver = GroupDriver()
    ids = driver.settle("a")
    ids["b"] = driver.admit("b")
    driver.rejoin(ids)

    follower = driver.sync("b", ids["b"])
    driver.sync("a", ids["a"], {ids["a"]: b"A", ids["b"]: b"B"})

    assert follower is None
    assert driver.synced("a").assignment == b"A"
    assert driver.synced("b").assignment == b"B"
    assert driver.group.state == "Stable"


def test_a_member_that_the_leader_forgot_gets_an_empty_share() -> None:
    driver = GroupDriver()
    ids = driver.settle("a")
    ids["b"] = driver.admit("b")
    driver.rejoin(ids)

    driver.sync("b", ids["b"])
    driver.sync("a", ids["a"], {ids["a"]: b"A"})

    assert driver.synced("b").error is ErrorCode.NONE
    assert driver.synced("b").assignment == b""


def test_a_group_whose_leader_assigns_nothing_is_stable_too() -> None:
    driver = GroupDriver()
    member_id = driver.admit("a")

    driver.sync("a", member_id, {})

    assert driver.synced("a").error is ErrorCode.NONE
    assert driver.group.state == "Stable"


def test_sync_is_refused_with_the_reason() -> None:
    driver = GroupDriver()
    ids = driver.settle("a")

    unknown = driver.sync("x", "x")
    old = driver.sync("a", ids["a"], generation=0)
    protocol = driver.sync("a", ids["a"], protocol_name="sticky")
    driver.join("a2", version=3)
    preparing = driver.sync("a", ids["a"])

    assert [r.error for r in (unknown, old, protocol, preparing) if r] == [
        ErrorCode.UNKNOWN_MEMBER_ID,
        ErrorCode.ILLEGAL_GENERATION,
        ErrorCode.INCONSISTENT_GROUP_PROTOCOL,
        ErrorCode.REBALANCE_IN_PROGRESS,
    ]


def test_a_member_that_never_syncs_is_dropped_and_the_others_go_on() -> None:
    """KAFKA-13435: heartbeats alone do not excuse it."""
    driver = GroupDriver()
    ids = driver.settle("a")
    ids["b"] = driver.admit("b")
    driver.rejoin(ids)
    driver.sync("a", ids["a"], {ids["a"]: b"A"})

    for _ in range(7):
        driver.heartbeat(ids["a"])
        driver.heartbeat(ids["b"])
        driver.advance(9_000)

    assert driver.heartbeat(ids["b"]) is ErrorCode.UNKNOWN_MEMBER_ID
    assert driver.heartbeat(ids["a"]) is ErrorCode.REBALANCE_IN_PROGRESS


def test_followers_that_wait_for_a_leader_that_died_are_told_to_join_again() -> None:
    driver = GroupDriver()
    ids = driver.settle("a")
    ids["b"] = driver.admit("b")
    driver.rejoin(ids)
    driver.sync("b", ids["b"])

    driver.advance(10_000)

    assert driver.synced("b").error is ErrorCode.REBALANCE_IN_PROGRESS
    assert list(driver.group.members) == [ids["b"]]
    assert driver.group.leader == ids["b"]


def test_heartbeats_say_what_is_going_on() -> None:
    driver = GroupDriver()
    ids = driver.settle("a")

    stable = driver.heartbeat(ids["a"])
    old = driver.heartbeat(ids["a"], generation=7)
    unknown = driver.heartbeat("x")
    driver.join("b", version=3)
    preparing = driver.heartbeat(ids["a"])
    driver.join("a", ids["a"])
    completing = driver.heartbeat(ids["a"])

    assert [stable, old, unknown, preparing, completing] == [
        ErrorCode.NONE,
        ErrorCode.ILLEGAL_GENERATION,
        ErrorCode.UNKNOWN_MEMBER_ID,
        ErrorCode.REBALANCE_IN_PROGRESS,
        ErrorCode.NONE,
    ]


def test_a_silent_member_is_dropped_after_its_session_timeout() -> None:
    driver = GroupDriver()
    ids = driver.settle("a", "b")

    driver.advance(5_000)
    driver.heartbeat(ids["a"])
    driver.advance(5_000)

    assert driver.heartbeat(ids["b"]) is ErrorCode.UNKNOWN_MEMBER_ID
    assert driver.heartbeat(ids["a"]) is ErrorCode.REBALANCE_IN_PROGRESS


def test_a_member_parked_in_a_rebalance_does_not_expire() -> None:
    driver = GroupDriver()
    ids = driver.settle("a", "b")

    driver.join("a", ids["a"], session_ms=6_000)
    for _ in range(6):
        driver.heartbeat(ids["b"])
        driver.advance(8_000)

    assert ids["a"] in driver.group.members


def test_a_group_that_everybody_left_is_empty_in_a_new_generation() -> None:
    driver = GroupDriver()
    ids = driver.settle("a")
    generation = driver.group.generation

    results = driver.leave(MemberIdentity(ids["a"]))

    assert [result.error for result in results] == [ErrorCode.NONE]
    assert driver.group.state == "Empty"
    assert driver.group.generation == generation + 1
    assert driver.group.protocol_type == "consumer"


def test_leaving_reports_on_each_member() -> None:
    driver = GroupDriver()
    ids = driver.settle("a", "b")

    results = driver.leave(
        MemberIdentity(ids["b"]), MemberIdentity("x"), MemberIdentity("", "no such seat")
    )

    assert [result.error for result in results] == [
        ErrorCode.NONE,
        ErrorCode.UNKNOWN_MEMBER_ID,
        ErrorCode.UNKNOWN_MEMBER_ID,
    ]
    assert driver.group.state == "PreparingRebalance"


def test_a_leave_that_fails_disturbs_nobody() -> None:
    driver = GroupDriver()
    driver.settle("a")

    driver.leave(MemberIdentity("x"))

    assert driver.group.state == "Stable"


def test_a_full_group_lets_nobody_in_but_its_own_back() -> None:
    driver = GroupDriver(GroupLimits(initial_rebalance_delay_ms=0, members_max=1))
    ids = driver.settle("a")

    refused = driver.join("b", version=3)
    driver.join("a", ids["a"])

    assert refused is not None and refused.error is ErrorCode.GROUP_MAX_SIZE_REACHED
    assert driver.joined("a").error is ErrorCode.NONE


def test_a_second_join_of_the_same_member_replaces_the_first() -> None:
    driver = GroupDriver()
    ids = driver.settle("a", "b")
    driver.join("a", ids["a"])

    driver.join("a on another connection", ids["a"])

    assert driver.joined("a").error is ErrorCode.REBALANCE_IN_PROGRESS
    driver.join("b", ids["b"])
    assert driver.joined("a on another connection").error is ErrorCode.NONE


def test_of_equally_wanted_protocols_wins_the_one_that_kafka_takes() -> None:
    group = GroupDriver()
    first = (Protocol("range", b""), Protocol("rr", b""))

    group.admit("a", protocols=first)
    group.admit("b", protocols=first[::-1])

    assert group.group.elect_protocol() == "rr"  # first in a hash map of Java


def test_assignments_are_told_until_the_next_ones_are_made() -> None:
    group = GroupDriver()
    ids = group.settle("a")
    group.join("b", version=3)
    before = describe(group.group).members[0].assignment
    group.join("a", ids["a"])

    joined = [member.assignment for member in describe(group.group).members]
    group.join("c", version=3)
    given_up = [member.assignment for member in describe(group.group).members]

    assert (before, joined) == (b"a", [b"a", b""])
    assert given_up == [b"", b"", b""]


def test_a_member_id_that_is_given_back_begins_a_rebalance() -> None:
    group = GroupDriver()
    ids = group.settle("a")
    pending = group.join("b")
    assert pending is not None

    (left,) = group.leave(MemberIdentity(pending.member_id, "any"))

    assert left.error is ErrorCode.NONE
    assert group.heartbeat(ids["a"]) is ErrorCode.REBALANCE_IN_PROGRESS


def test_who_is_removed_while_it_joins_is_not_told_its_id_again() -> None:
    group = GroupDriver()
    group.settle("a")
    group.join("b", version=3)
    (joining,) = [m.member_id for m in group.group.members.values() if m.client_id == "b"]

    group.leave(MemberIdentity(joining))

    assert (group.joined("b").error, group.joined("b").member_id) == (
        ErrorCode.UNKNOWN_MEMBER_ID,
        "",
    )


def test_an_id_made_for_a_dynamic_member_is_not_for_a_static_one() -> None:
    group = GroupDriver()
    pending = group.join("a")
    assert pending is not None

    refused = group.join("a", pending.member_id, instance="seat")

    assert refused is not None
    assert refused.error is ErrorCode.UNKNOWN_SERVER_ERROR
