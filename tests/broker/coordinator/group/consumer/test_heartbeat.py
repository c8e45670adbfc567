"""KIP-848 groups: joining, reconciling, fencing, leaving, static members, expressions."""

import pytest

from broker.coordinator.group.consumer.group import JOINING
from broker.coordinator.group.consumer.messages import ConsumerLimits
from broker.errors import ErrorCode
from tests.support.consumer_group_driver import Client, ConsumerDriver, cluster, partitions


def test_the_first_member_gets_everything_at_once() -> None:
    driver = ConsumerDriver()

    response = driver.join("a")

    assert response.member_epoch == 1
    assert response.assignment == partitions("t", 0, 1, 2, 3, 4, 5)
    assert response.heartbeat_interval_ms == 5_000
    assert driver.group.state == "Stable"


def test_an_unchanged_assignment_is_not_told_again() -> None:
    driver = ConsumerDriver()
    driver.join("a")

    response = driver.send("a", 1)

    assert response.assignment is None and response.member_epoch == 1


def test_a_partition_is_given_up_before_somebody_else_gets_it() -> None:
    driver = ConsumerDriver()
    everything = driver.join("a").assignment or frozenset()

    newcomer = driver.join("b")
    told = driver.send("a", 1, owned=everything)
    still_waiting = driver.send("b", 2)
    revoked = driver.send("a", 1, owned=told.assignment)
    given = driver.send("b", 2)

    assert newcomer.assignment == frozenset() and newcomer.member_epoch == 2
    assert told.assignment is not None and len(told.assignment) == 3 and told.member_epoch == 1
    assert still_waiting.assignment is None
    assert revoked.member_epoch == 2
    assert given.assignment == everything - told.assignment
    assert driver.group.state == "Stable"


def test_a_member_that_does_not_give_up_in_time_is_removed() -> None:
    driver = ConsumerDriver()
    everything = driver.join("a", rebalance_timeout_ms=10_000).assignment
    driver.join("b")
    driver.send("a", 1, owned=everything)

    driver.advance(9_999)
    driver.send("a", 1, owned=everything)
    present = "a" in driver.group.members
    driver.advance(1)

    assert present
    assert driver.refusal(lambda: driver.send("a", 1)) is ErrorCode.UNKNOWN_MEMBER_ID
    assert driver.send("b", 2).assignment == everything


def test_a_silent_member_is_removed_after_its_session() -> None:
    driver = ConsumerDriver()
    driver.join("a")
    driver.join("b")

    driver.advance(44_999)
    driver.send("b", 2)
    driver.advance(1)

    assert list(driver.group.members) == ["b"]


def test_a_member_that_leaves_frees_its_partitions_at_once() -> None:
    driver = ConsumerDriver()
    a, b = Client("a"), Client("b")
    driver.settle(a, b)

    response = driver.send("a", -1)
    driver.settle(b, rounds=2)

    assert response.member_epoch == -1
    assert b.owned == partitions("t", 0, 1, 2, 3, 4, 5)


def test_epochs_that_are_not_the_members_are_fenced() -> None:
    driver = ConsumerDriver()
    driver.join("a")

    ahead = driver.refusal(lambda: driver.send("a", 9))
    unknown = driver.refusal(lambda: driver.send("x", 1))

    assert ahead is ErrorCode.FENCED_MEMBER_EPOCH
    assert unknown is ErrorCode.UNKNOWN_MEMBER_ID


def test_the_epoch_before_is_taken_when_its_answer_may_be_lost() -> None:
    driver = ConsumerDriver()
    everything = driver.join("a").assignment or frozenset()
    driver.image = cluster(2, t=7)
    driver.send("a", 1, owned=everything)

    again = driver.send("a", 1, owned=everything)
    wrong = driver.refusal(lambda: driver.send("a", 1, owned=partitions("other", 1)))

    assert again.member_epoch == 2
    assert wrong is ErrorCode.FENCED_MEMBER_EPOCH


def test_a_member_that_joins_again_owns_nothing_before() -> None:
    driver = ConsumerDriver()
    driver.join("a")

    again = driver.join("a")

    assert again.assignment == partitions("t", 0, 1, 2, 3, 4, 5)
    assert driver.group.state == "Stable"


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"rebalance_timeout_ms": -1}, ErrorCode.INVALID_REQUEST),
        ({"owned": None}, ErrorCode.INVALID_REQUEST),
        ({"owned": partitions("t", 1)}, ErrorCode.INVALID_REQUEST),
        ({"topic_names": None}, ErrorCode.INVALID_REQUEST),
        ({"instance_id": ""}, ErrorCode.INVALID_REQUEST),
        ({"rack_id": ""}, ErrorCode.INVALID_REQUEST),
        ({"assignor": "best"}, ErrorCode.UNSUPPORTED_ASSIGNOR),
        ({"topic_regex": "(", "topic_names": None}, ErrorCode.INVALID_REGULAR_EXPRESSION),
    ],
)
def test_a_join_that_makes_no_sense_is_refused(fields: dict[str, object], code: ErrorCode) -> None:
    driver = ConsumerDriver()

    assert driver.refusal(lambda: driver.join("a", **fields)) is code
    assert driver.refusal(lambda: driver.join("")) is ErrorCode.INVALID_REQUEST
    assert driver.group.members == {} and driver.records == []


def test_a_full_group_lets_nobody_in() -> None:
    driver = ConsumerDriver(limits=ConsumerLimits(members_max=1))
    driver.join("a")

    assert driver.refusal(lambda: driver.join("b")) is ErrorCode.GROUP_MAX_SIZE_REACHED


def test_new_partitions_reach_the_members_with_their_next_heartbeat() -> None:
    driver = ConsumerDriver()
    driver.join("a")

    driver.image = cluster(2, t=8)
    response = driver.send("a", 1)

    assert response.assignment == partitions("t", *range(8))
    assert response.member_epoch == 2


def test_a_deleted_topic_is_taken_away() -> None:
    driver = ConsumerDriver(image=cluster(t=2, u=2))
    everything = driver.join("a", topic_names=frozenset({"t", "u"})).assignment

    driver.image = cluster(2, t=2)
    response = driver.send("a", 1, owned=everything)

    assert response.assignment == partitions("t", 0, 1)


def test_a_static_member_that_left_for_a_moment_finds_its_partitions_again() -> None:
    driver = ConsumerDriver()
    a = driver.join("a", instance_id="seat-a").assignment
    driver.join("b", instance_id="seat-b")
    kept = driver.send("a", 1, owned=a).assignment
    driver.send("a", 1, owned=kept, instance_id="seat-a")
    epoch = driver.group.epoch

    left = driver.send("a", -2, instance_id="seat-a")
    again = driver.join("a2", instance_id="seat-a")

    assert left.member_epoch == -2
    assert again.assignment == kept
    assert again.member_epoch == driver.group.epoch == epoch
    assert set(driver.group.members) == {"a2", "b"}


def test_a_static_seat_is_not_given_to_two_at_once() -> None:
    driver = ConsumerDriver()
    driver.join("a", instance_id="seat")

    taken = driver.refusal(lambda: driver.join("b", instance_id="seat"))
    driver.send("a", -2, instance_id="seat")
    driver.join("b", instance_id="seat")
    old = driver.refusal(lambda: driver.send("a", 1, instance_id="seat"))
    nobody = driver.refusal(lambda: driver.send("c", 1, instance_id="other"))

    assert taken is ErrorCode.UNRELEASED_INSTANCE_ID
    assert old is ErrorCode.FENCED_INSTANCE_ID
    assert nobody is ErrorCode.UNKNOWN_MEMBER_ID


def test_a_static_member_that_does_not_come_back_loses_its_seat() -> None:
    driver = ConsumerDriver()
    driver.join("a", instance_id="seat")
    driver.send("a", -2, instance_id="seat")

    driver.advance(45_000)

    assert driver.group.members == {} and driver.group.state == "Empty"


def test_an_expression_subscribes_to_topics_old_and_new_internal_ones_too() -> None:
    names = {"logs.a": 1, "logs.b": 1, "other": 1, "__consumer_offsets": 1}
    driver = ConsumerDriver(image=cluster(1, **names))

    driver.join("a", topic_names=None, topic_regex="logs.*|__consumer.*")
    first = driver.send("a", 1)
    driver.image = cluster(2, **names, **{"logs.c": 1})
    driver.send("a", 2)
    second = driver.send("a", 2)

    named = partitions("logs.a", 0) | partitions("logs.b", 0) | partitions("__consumer_offsets", 0)
    assert first.assignment == named
    assert second.assignment == named | partitions("logs.c", 0)


def test_the_first_answer_to_an_expression_names_topics_asked_for_by_name() -> None:
    driver = ConsumerDriver(image=cluster(1, **{"logs.a": 1, "other": 1}))
    wanted = {"topic_names": frozenset({"other"}), "topic_regex": "logs.*"}

    first = driver.join("a", **wanted)
    second = driver.send("a", 1)
    already_found = driver.join("b", topic_names=None, topic_regex="logs.*")

    assert first.assignment == partitions("other", 0)
    assert second.assignment == partitions("other", 0) | partitions("logs.a", 0)
    assert driver.group.target["b"] == partitions("logs.a", 0)
    assert already_found.member_epoch == 3


def test_an_expression_that_finds_nothing_asks_nobody_to_rebalance() -> None:
    driver = ConsumerDriver(image=cluster(1, other=1))

    driver.join("a", topic_names=None, topic_regex="logs.*")
    unchanged = driver.send("a", 1)
    driver.image = cluster(2, **{"other": 1, "logs.a": 1})
    driver.send("a", 1)
    found = driver.send("a", 1)

    assert (unchanged.member_epoch, unchanged.assignment) == (1, None)
    assert (found.member_epoch, found.assignment) == (2, partitions("logs.a", 0))


def test_an_expression_is_forgotten_with_its_last_member() -> None:
    driver = ConsumerDriver(image=cluster(1, **{"logs.a": 1}))
    driver.join("a", topic_names=None, topic_regex="logs.*")
    driver.send("a", 1)

    driver.send("a", -1)
    again = driver.join("a", topic_names=None, topic_regex="logs.*")

    assert again.assignment == frozenset()


def test_another_expression_takes_nothing_away_before_it_is_resolved() -> None:
    driver = ConsumerDriver(image=cluster(1, **{"logs.a": 1}))
    driver.join("a", topic_names=None, topic_regex="logs.*")
    owned = driver.send("a", 1).assignment

    changed = driver.send("a", 2, topic_regex="lo.*", owned=owned)

    assert owned == partitions("logs.a", 0)
    assert (changed.member_epoch, driver.group.target["a"]) == (2, owned)


def test_an_expression_finds_what_the_member_whose_heartbeat_comes_first_may_see() -> None:
    driver = ConsumerDriver(image=cluster(1, **{"logs.a": 1, "logs.secret": 1}))
    wanted = {"topic_names": None, "topic_regex": "logs.*"}

    driver.join("a", sees=lambda topic: topic == "logs.a", **wanted)
    first = driver.send("a", 1)
    unchanged = driver.send("a", 2)
    driver.image = cluster(2, **{"logs.a": 1, "logs.secret": 1})
    driver.send("a", 2)
    second = driver.send("a", 2)

    assert (first.assignment, unchanged.assignment) == (partitions("logs.a", 0), None)
    assert second.assignment == partitions("logs.a", 0) | partitions("logs.secret", 0)


def test_members_ask_for_an_assignor_and_the_most_wanted_wins() -> None:
    driver = ConsumerDriver(image=cluster(t=3, u=3))
    both = frozenset({"t", "u"})
    a = driver.join("a", topic_names=both, assignor="range").assignment
    driver.join("b", topic_names=both, assignor="range")

    kept = driver.send("a", 1, owned=a).assignment

    assert kept == partitions("t", 0, 1) | partitions("u", 0, 1)
    assert driver.group.favourite_assignor() == "range"


def test_the_group_is_the_same_after_a_restart() -> None:
    driver = ConsumerDriver()
    a, b = Client("a"), Client("b")
    driver.settle(a, b)
    before = driver.group

    driver.restart()

    assert driver.group.members == before.members
    assert driver.group.target == before.target
    assert (driver.group.epoch, driver.group.state) == (before.epoch, "Stable")
    assert driver.beat(a) is ErrorCode.NONE
    assert a.epoch != JOINING


def test_everybody_gone_leaves_nothing_but_the_epoch() -> None:
    driver = ConsumerDriver()
    driver.join("a")

    driver.send("a", -1)

    assert driver.group.state == "Empty" and driver.group.epoch == 2
    assert driver.group.target == {} and driver.group.owners == {}


def test_a_static_member_that_did_not_leave_keeps_its_own_seat_from_itself() -> None:
    driver = ConsumerDriver()
    driver.join("a", instance_id="seat")

    again = driver.refusal(lambda: driver.join("a", instance_id="seat"))
    stranger = driver.refusal(lambda: driver.send("a", 1, instance_id="other"))
    leaving = driver.refusal(lambda: driver.send("a", -1, instance_id="other"))

    assert again is ErrorCode.UNRELEASED_INSTANCE_ID
    assert stranger is leaving is ErrorCode.UNKNOWN_MEMBER_ID


def test_another_assignor_waits_for_the_next_change() -> None:
    driver = ConsumerDriver()
    driver.join("a")

    told = driver.send("a", 1, assignor="range")

    assert (told.member_epoch, driver.group.epoch) == (1, 1)
    assert driver.group.favourite_assignor() == "range"


def test_of_equally_wanted_assignors_wins_the_default() -> None:
    driver = ConsumerDriver()

    driver.join("a", assignor="range")
    driver.join("b", assignor="uniform")

    assert driver.group.favourite_assignor() == "uniform"


def test_who_gives_up_partitions_and_wants_another_topic_gives_up_all_of_the_old() -> None:
    driver = ConsumerDriver(cluster(t=4, other=1))
    driver.join("a")
    driver.join("b")
    driver.send("a", 1)

    told = driver.send("a", 1, topic_names=frozenset({"other"}))

    assert told.assignment == frozenset()
    assert driver.group.members["a"].owns.revoking == partitions("t", 0, 1, 2, 3)


def test_who_subscribes_to_nothing_changes_nothing_but_begins_a_new_group() -> None:
    driver = ConsumerDriver()

    first = driver.join("a", topic_names=frozenset())
    driver.join("b")
    third = driver.join("c", topic_names=frozenset())

    assert (first.member_epoch, third.member_epoch, driver.group.epoch) == (1, 2, 2)
