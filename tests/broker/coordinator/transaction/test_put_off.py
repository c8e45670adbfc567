"""What is put off is told when it begins, and now and then while it lasts."""

import logging

import pytest

from broker.coordinator.transaction.put_off import TOLD_AGAIN_MS, TOLD_MAX, PutOff
from broker.errors import ErrorCode, KafkaError
from tests.support.manual_clock import ManualClock

FULL = KafkaError(ErrorCode.KAFKA_STORAGE_ERROR, "no space left")
GONE = KafkaError(ErrorCode.NOT_LEADER_OR_FOLLOWER, "it is elsewhere")
ROUND_MS = 1_000


@pytest.fixture
def clock(caplog: pytest.LogCaptureFixture) -> ManualClock:
    caplog.set_level(logging.WARNING)
    return ManualClock()


def test_one_that_always_fails_beside_one_that_goes_well_is_told_once(
    caplog: pytest.LogCaptureFixture, clock: ManualClock
) -> None:
    put_off = PutOff(clock)

    for _ in range(60):
        put_off.refused("shop", FULL)
        put_off.done("bank")
        clock.advance(ROUND_MS)

    assert caplog.messages == [f"put off to the next round: {FULL} of=shop"]


def test_another_reason_and_a_failure_after_a_success_are_told(
    caplog: pytest.LogCaptureFixture, clock: ManualClock
) -> None:
    put_off = PutOff(clock)

    for error in (FULL, GONE, FULL, GONE):
        put_off.refused("shop", error)
    put_off.done("shop")
    put_off.refused("shop", FULL)

    assert [one.partition(": ")[2] for one in caplog.messages] == [
        f"{FULL} of=shop",
        f"{GONE} of=shop",
        f"{FULL} of=shop",
    ]


def test_what_lasts_is_told_again_every_hour(
    caplog: pytest.LogCaptureFixture, clock: ManualClock
) -> None:
    put_off = PutOff(clock)

    for _ in range(3 * TOLD_AGAIN_MS // (60 * ROUND_MS)):
        put_off.refused("shop", FULL)
        clock.advance(60 * ROUND_MS)

    assert len(caplog.messages) == 3


def test_a_full_disk_under_many_transactions_is_few_lines(
    caplog: pytest.LogCaptureFixture, clock: ManualClock
) -> None:
    put_off = PutOff(clock)

    for _ in range(30):
        for number in range(TOLD_MAX):
            put_off.refused(f"shop-{number}", FULL)
        clock.advance(ROUND_MS)

    assert len(caplog.messages) <= 25


def test_so_many_names_are_remembered_and_no_more(
    caplog: pytest.LogCaptureFixture, clock: ManualClock
) -> None:
    put_off = PutOff(clock)

    for number in range(TOLD_MAX + 100):
        put_off.refused(f"shop-{number}", FULL)
        clock.advance(ROUND_MS)

    assert len(caplog.messages) == TOLD_MAX
