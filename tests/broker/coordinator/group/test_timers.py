"""The heap of appointments."""

from broker.coordinator.group.timers import NEVER, Timers


def test_groups_come_up_in_order_of_their_deadlines() -> None:
    timers = Timers()
    for due_at, group_id in [(30, "c"), (10, "a"), (20, "b")]:
        timers.schedule(group_id, due_at)

    assert timers.next_due_at() == 10
    assert timers.pop_due(20) == ["a", "b"]
    assert timers.pop_due(29) == []
    assert timers.pop_due(30) == ["c"]
    assert timers.next_due_at() == NEVER


def test_an_earlier_appointment_replaces_a_later_one_and_not_the_other_way_round() -> None:
    timers = Timers()
    timers.schedule("a", 20)

    timers.schedule("a", 10)
    timers.schedule("a", 30)

    assert timers.pop_due(10) == ["a"]
    assert timers.pop_due(100) == [], "the appointments it replaced are void"


def test_never_makes_no_appointment() -> None:
    timers = Timers()

    timers.schedule("a", NEVER)

    assert timers.pop_due(10**12) == []
