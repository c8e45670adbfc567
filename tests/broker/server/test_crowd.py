"""Limits of the broker count the connections of all its listeners."""

from dataclasses import replace

import pytest

from broker.protocol.messages.heartbeat import HeartbeatRequest, HeartbeatResponse
from broker.server.connections import Limits
from broker.server.crowd import ENTRY_WAIT_S_MAX, Arrivals, Crowd
from tests.broker.server.conftest import LIMITS, ToyServer


@pytest.fixture
def limits() -> Limits:
    return Limits(LIMITS.frame_bytes_max, LIMITS.held_bytes_max, 3, 2, LIMITS.idle_s_max)


async def test_an_address_has_no_more_connections_because_there_are_more_listeners(
    two: tuple[ToyServer, ToyServer],
) -> None:
    first, second = two

    async with await first.connect(), await second.connect():
        async with await second.connect() as third:
            assert await third.read_to_end() == b""

        assert second.metrics.connections_refused["max_connections_per_ip"] == 1
        assert (len(first.connections), len(second.connections)) == (1, 1)


async def test_a_connection_that_ends_makes_room_at_another_listener(
    two: tuple[ToyServer, ToyServer],
) -> None:
    first, second = two
    async with await first.connect(), await first.connect():
        pass
    await first.until_connections(0)

    async with await second.connect() as client:
        assert await client.ask(HeartbeatRequest(), 3, HeartbeatResponse)


async def test_no_two_connections_of_a_broker_have_one_id(
    two: tuple[ToyServer, ToyServer],
) -> None:
    """Sessions of fetches and of shares are kept by it."""
    ids = []
    for server in two:
        async with await server.connect() as client:
            answer = await client.ask(HeartbeatRequest(), 3, HeartbeatResponse)
            ids.append(answer.throttle_time_ms)  # where the toy tells its connection's id

    assert len(set(ids)) == 2


def test_limits_of_all_connections_and_of_one_address_are_counted_apart() -> None:
    crowd = Crowd()
    for host in ("/a", "/a", "/b"):
        crowd.enter(host)

    crowd.leave("/b")

    assert (crowd.count, crowd.from_host("/a"), crowd.from_host("/b")) == (2, 2, 0)


def let_in(arrivals: Arrivals, rate: int, now_s: float, count: int) -> list[float]:
    """How long each of `count` connections waits that is not sent away."""
    return [
        arrivals.delay_s(rate, now_s) for _ in range(count) if not arrivals.is_full(rate, now_s)
    ]


def test_a_flood_that_is_sent_away_makes_nobody_wait_longer() -> None:
    arrivals = Arrivals()

    flood = let_in(arrivals, 1, 100.0, count=10_000)
    (after_a_while,) = let_in(arrivals, 1, 102.0, count=1)

    assert flood == [0.0] * 10 + [float(wait_s) for wait_s in range(1, 31)]
    assert after_a_while <= ENTRY_WAIT_S_MAX


def test_those_sent_away_are_forgotten_with_the_rate_they_exceeded() -> None:
    arrivals = Arrivals()
    let_in(arrivals, 1, 100.0, count=10_000)

    assert let_in(arrivals, 1_000, 100.0, count=50) == [0.0] * 50


@pytest.mark.parametrize(
    "bounds",
    [replace(LIMITS, creation_rate_max=1), replace(LIMITS, listener_rate_max=1)],
    ids=["broker", "listener"],
)
async def test_who_is_too_early_for_one_of_the_two_rates_waits(
    server: ToyServer, bounds: Limits
) -> None:
    server.connections.limits = bounds

    waits_s = [server.connections.entry_delay_s() for _ in range(12)]

    assert waits_s[0] == 0
    assert waits_s[-1] >= 1


async def test_a_connection_with_no_place_left_in_the_queue_is_closed_at_once(
    server: ToyServer,
) -> None:
    server.connections.limits = replace(LIMITS, creation_rate_max=1)
    refused, opened = server.metrics.connections_refused, []
    while not refused["connection_creation_rate"]:
        opened.append(await server.connect())

    ending = await opened[-1].read_to_end()

    assert ending == b""
    assert len(server.connections) == len(opened) - 1 >= 40
    for one in opened:
        one.close()
