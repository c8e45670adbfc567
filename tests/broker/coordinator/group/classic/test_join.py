"""Static members (KIP-345, KIP-814) and what a restart does to a group."""

from broker.coordinator.group.classic.member import Protocol
from broker.coordinator.group.classic.messages import MemberIdentity
from broker.errors import ErrorCode
from tests.support.classic_group_driver import GroupDriver


def settled_static(driver: GroupDriver) -> dict[str, str]:
    """Two static members, `a` leads, both hold their own names as assignment."""
    ids = {"a": driver.admit("a", instance="seat-a")}
    ids["b"] = driver.admit("b", instance="seat-b")
    driver.join("a", ids["a"], instance="seat-a")
    driver.sync_all(ids)
    return ids


def test_a_static_member_is_let_in_without_asking_twice() -> None:
    driver = GroupDriver()

    driver.join("a", instance="seat")

    assert driver.joined("a").error is ErrorCode.NONE


def test_a_static_follower_that_comes_back_gets_its_seat_without_a_rebalance() -> None:
    driver = GroupDriver()
    ids = settled_static(driver)
    generation = driver.group.generation

    again = driver.join("b", instance="seat-b")

    assert again is not None and again.error is ErrorCode.NONE
    assert again.member_id != ids["b"]
    assert again.generation == generation and again.leader == ids["a"]
    assert driver.group.state == "Stable"
    assert driver.sync("b", again.member_id).assignment == b"b"  # type: ignore[union-attr]


def test_the_id_that_was_replaced_is_fenced() -> None:
    driver = GroupDriver()
    ids = settled_static(driver)

    driver.join("b", instance="seat-b")

    assert driver.heartbeat(ids["b"], instance="seat-b") is ErrorCode.FENCED_INSTANCE_ID
    sync = driver.sync("b", ids["b"], instance="seat-b")
    assert sync is not None and sync.error is ErrorCode.FENCED_INSTANCE_ID
    join = driver.join("b", ids["b"], instance="seat-b")
    assert join is not None and join.error is ErrorCode.FENCED_INSTANCE_ID


def test_a_static_leader_that_comes_back_is_told_to_leave_the_assignment_alone() -> None:
    driver = GroupDriver()
    ids = settled_static(driver)

    again = driver.join("a", instance="seat-a")

    assert again is not None and again.skip_assignment
    assert again.leader == again.member_id
    assert {m.member_id for m in again.members} == {again.member_id, ids["b"]}


def test_before_v9_a_static_leader_that_comes_back_is_told_it_follows_its_old_id() -> None:
    driver = GroupDriver()
    ids = settled_static(driver)

    again = driver.join("a", instance="seat-a", version=8)

    assert again is not None and again.leader == ids["a"]
    assert again.members == () and not again.skip_assignment


def test_a_static_member_that_comes_back_with_another_favourite_causes_a_rebalance() -> None:
    driver = GroupDriver()
    protocols = (Protocol("range", b""), Protocol("sticky", b""))
    member_id = driver.admit("a", instance="seat", protocols=protocols)
    driver.sync("a", member_id, {member_id: b"A"})

    driver.join("a", instance="seat", protocols=protocols[::-1])

    assert driver.joined("a").generation == 2
    assert driver.joined("a").protocol_name == "sticky"


def test_a_request_parked_by_the_replaced_member_is_fenced() -> None:
    driver = GroupDriver()
    ids = settled_static(driver)
    driver.join("a", ids["a"], instance="seat-a")

    driver.join("a again", instance="seat-a")

    assert driver.joined("a").error is ErrorCode.FENCED_INSTANCE_ID
    driver.join("b", ids["b"], instance="seat-b")
    assert driver.joined("a again").error is ErrorCode.NONE


def test_a_static_member_survives_a_rebalance_that_it_missed() -> None:
    driver = GroupDriver()
    ids = {"a": driver.admit("a", instance="seat-a", rebalance_ms=5_000)}
    ids["b"] = driver.admit("b", instance="seat-b", session_ms=600_000, rebalance_ms=5_000)
    driver.join("a", ids["a"], instance="seat-a", rebalance_ms=5_000)
    driver.sync_all(ids)

    driver.join("a", ids["a"], instance="seat-a", rebalance_ms=5_000)
    driver.advance(5_000)

    assert driver.joined("a").error is ErrorCode.NONE
    assert {m.member_id for m in driver.joined("a").members} == set(ids.values())


def test_an_administrator_removes_a_static_member_by_its_seat() -> None:
    driver = GroupDriver()
    ids = settled_static(driver)

    wrong = driver.leave(MemberIdentity("other id", "seat-b"))
    right = driver.leave(MemberIdentity("", "seat-b"))

    assert wrong[0].error is ErrorCode.FENCED_INSTANCE_ID
    assert right[0].error is ErrorCode.NONE
    assert list(driver.group.members) == [ids["a"]]


def test_a_stable_group_is_the_same_after_a_restart() -> None:
    driver = GroupDriver()
    ids = settled_static(driver)
    generation = driver.group.generation

    driver.restart()

    assert driver.group.state == "Stable" and driver.group.generation == generation
    assert driver.heartbeat(ids["a"], instance="seat-a") is ErrorCode.NONE
    assert driver.sync("b", ids["b"], instance="seat-b").assignment == b"b"  # type: ignore[union-attr]


def test_sessions_begin_anew_after_a_restart() -> None:
    driver = GroupDriver()
    ids = driver.settle("a")
    driver.advance(9_000)

    driver.restart()
    driver.advance(9_999)
    alive = driver.heartbeat(ids["a"])
    driver.advance(10_000)

    assert alive is ErrorCode.NONE
    assert driver.group.state == "Empty"


def test_a_rebalance_that_a_restart_interrupted_begins_again_in_a_later_generation() -> None:
    driver = GroupDriver()
    ids = driver.settle("a")
    ids["b"] = driver.admit("b")
    driver.rejoin(ids)
    promised = driver.joined("b").generation

    driver.restart()

    assert driver.group.state == "PreparingRebalance"
    assert driver.heartbeat(ids["a"]) is ErrorCode.REBALANCE_IN_PROGRESS
    driver.join("a", ids["a"])
    driver.join("b", ids["b"])
    assert driver.joined("a").generation == promised + 1


def test_an_empty_group_keeps_its_generation_over_a_restart() -> None:
    driver = GroupDriver()
    ids = driver.settle("a")
    driver.leave(MemberIdentity(ids["a"]))
    generation = driver.group.generation

    driver.restart()
    driver.admit("b")

    assert driver.joined("b").generation == generation + 1
