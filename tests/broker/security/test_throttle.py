import pytest
from hypothesis import given
from hypothesis.strategies import floats, integers, lists, tuples

from broker.errors import ErrorCode, KafkaError
from broker.metadata.image import ClusterImage
from broker.security.quotas import Entity, Quota, QuotaChange, alter_quotas
from broker.security.throttle import IDLE_MS, Client, ClientQuotas, RateWindow
from tests.support.manual_clock import ManualClock

ANN = Client("User:ann", "web")
BYTES = Quota.CONSUMER_BYTE_RATE


def quotas_with(clock: ManualClock, *rates: tuple[Entity, Quota, float]) -> ClientQuotas:
    image = ClusterImage()
    for entity, quota, rate in rates:
        records, results = alter_quotas(image, [(entity, [QuotaChange(quota, rate)])])
        assert list(results.values()) == [None]
        image = image.apply(records)
    return ClientQuotas(lambda: image, clock)


def test_below_the_rate_nobody_is_quiet() -> None:
    clock = ManualClock()
    quotas = quotas_with(clock, ([("user", "ann")], BYTES, 1000.0))

    told = []
    for _ in range(30):
        told.append(quotas.charge(BYTES, ANN, 900))
        clock.advance(1000)

    assert told == [0] * 30


def test_twice_the_rate_is_quiet_as_long_as_it_took() -> None:
    """20,000 bytes in the ten seconds that a window spans at least, at 1000 a second."""
    quotas = quotas_with(ManualClock(), ([("user", "ann")], BYTES, 1000.0))

    assert quotas.charge(BYTES, ANN, 20_000) == 10_000


def test_what_is_old_is_forgotten() -> None:
    clock = ManualClock()
    quotas = quotas_with(clock, ([("user", "ann")], BYTES, 1.0))
    quotas.charge(BYTES, ANN, 1_000_000)

    clock.advance(11_000)

    assert quotas.charge(BYTES, ANN, 1) == 0


def test_a_window_has_eleven_samples_at_most_however_often_it_counts() -> None:
    window = RateWindow()

    for now_ms in range(5_000, 25_000, 10):
        window.record(1, now_ms)

    assert len(window.samples) == 11
    assert window.total == 1_100


def test_who_has_no_quota_owes_nothing() -> None:
    quotas = quotas_with(ManualClock(), ([("user", "ben")], BYTES, 1.0))

    assert quotas.debt_ms(ANN) == 0
    assert quotas.charge(BYTES, ANN, 10**9) == 0
    assert quotas.grant(BYTES, ANN, 10**9) == (True, 0)
    assert quotas.take_tokens(ANN, 10**9, strict=True) == 0


def test_too_much_is_not_handed_out_and_not_counted() -> None:
    clock = ManualClock()
    quotas = quotas_with(clock, ([("user", "ann")], BYTES, 1000.0))
    quotas.charge(BYTES, ANN, 10_000)

    granted, throttle_ms = quotas.grant(BYTES, ANN, 5000)

    assert (granted, throttle_ms) == (False, 5000)
    assert quotas.charge(BYTES, ANN, 0) == 0


def test_a_batch_larger_than_the_window_comes_through_when_nothing_did_lately() -> None:
    clock = ManualClock()
    quotas = quotas_with(clock, ([("user", "ann")], BYTES, 10.0))

    first, throttle_ms = quotas.grant(BYTES, ANN, 1000)
    second, _ = quotas.grant(BYTES, ANN, 1000)

    assert (first, second) == (True, False)
    assert throttle_ms == 90_000


def test_a_request_is_quiet_for_a_second_at_most() -> None:
    quota = Quota.REQUEST_PERCENTAGE
    quotas = quotas_with(ManualClock(), ([("user", "ann")], quota, 1.0))

    assert quotas.charge(quota, ANN, 1000) == 1000


@pytest.mark.parametrize(
    ("entity", "shared"),
    [
        ([("user", "ann")], True),
        ([("user", None)], True),
        ([("user", "ann"), ("client-id", None)], False),
        ([("client-id", "web")], False),
    ],
)
def test_who_shares_a_quota(entity: Entity, shared: bool) -> None:
    quotas = quotas_with(ManualClock(), (entity, BYTES, 1.0))
    quotas.charge(BYTES, ANN, 100_000)

    throttle_ms = quotas.charge(BYTES, Client("User:ann", "phone"), 1)

    assert (throttle_ms > 0) == shared


def test_a_quota_for_every_user_is_one_for_each() -> None:
    quotas = quotas_with(ManualClock(), ([("user", None)], BYTES, 1.0))
    quotas.charge(BYTES, ANN, 100_000)

    assert quotas.charge(BYTES, Client("User:bob", "web"), 1) == 0


def test_who_changes_nothing_for_long_saves_up_eleven_seconds_of_changes_and_no_more() -> None:
    clock = ManualClock()
    rate = Quota.CONTROLLER_MUTATION_RATE
    quotas = quotas_with(clock, ([("user", "ann")], rate, 2.0))
    quotas.take_tokens(ANN, 1, strict=True)

    clock.advance(3_600_000)

    assert quotas.take_tokens(ANN, 22, strict=True) == 0
    assert quotas.take_tokens(ANN, 1, strict=True) == 500


def test_a_changed_quota_counts_for_who_was_asked_about_before() -> None:
    one = alter_quotas(ClusterImage(), [([("user", "ann")], [QuotaChange(BYTES, 1.0)])])[0]
    images = [ClusterImage().apply(one)]
    quotas = ClientQuotas(lambda: images[-1], ManualClock())
    before = quotas.charge(BYTES, ANN, 1_000)

    raised = alter_quotas(images[0], [([("user", "ann")], [QuotaChange(BYTES, 1_000.0)])])[0]
    images.append(images[0].apply(raised))

    assert before > 0
    assert quotas.charge(BYTES, ANN, 0) == 0


def test_changes_may_run_into_debt_once() -> None:
    clock = ManualClock()
    quotas = quotas_with(clock, ([("user", "ann")], Quota.CONTROLLER_MUTATION_RATE, 2.0))

    in_debt_ms = quotas.take_tokens(ANN, 30, strict=True)  # 22 tokens were there

    assert in_debt_ms == 4000
    with pytest.raises(KafkaError) as refusal:
        quotas.take_tokens(ANN, 1, strict=True)
    assert refusal.value.code is ErrorCode.THROTTLING_QUOTA_EXCEEDED
    assert quotas.take_tokens(ANN, 2, strict=False) == 5000
    clock.advance(5000)
    assert quotas.take_tokens(ANN, 0, strict=True) == 0


def test_an_address_opens_connections_at_its_rate() -> None:
    clock = ManualClock()
    quotas = quotas_with(clock, ([("ip", None)], Quota.CONNECTION_CREATION_RATE, 1.0))

    delays = [quotas.connection_delay_ms("10.0.0.1") for _ in range(12)]
    clock.advance(11_000)

    assert delays == [0] * 10 + [1000] * 2
    assert quotas.connection_delay_ms("10.0.0.1") == 0


def test_connections_that_were_turned_away_do_not_count() -> None:
    clock = ManualClock()
    quotas = quotas_with(clock, ([("ip", None)], Quota.CONNECTION_CREATION_RATE, 2.0))
    let_in = [quotas.connection_delay_ms("10.0.0.1") for _ in range(500)].count(0)

    clock.advance(10_500)

    assert let_in == 20
    assert quotas.connection_delay_ms("10.0.0.1") == 0  # the 21st in 10.5 s


def test_a_crowd_of_other_clients_takes_nobody_s_account(monkeypatch: pytest.MonkeyPatch) -> None:
    """Client ids come from clients: accounts are bounded, those that count something stay."""
    monkeypatch.setattr("broker.security.throttle.ACCOUNTS_MAX", 3)
    changes = Quota.CONTROLLER_MUTATION_RATE
    every: Entity = [("client-id", None)]
    quotas = quotas_with(ManualClock(), (every, BYTES, 1.0), (every, changes, 1.0))
    quotas.charge(BYTES, ANN, 1_000)
    quotas.take_tokens(ANN, 1_000, strict=True)

    for number in range(5):
        quotas.charge(BYTES, Client("User:ann", f"{number}"), 1)
        quotas.take_tokens(Client("User:ann", f"{number}"), 1, strict=True)

    assert quotas.charge(BYTES, ANN, 0) > 0
    assert quotas.debt_ms(ANN) > 0


def test_accounts_that_count_nothing_any_more_make_room(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("broker.security.throttle.ACCOUNTS_MAX", 3)
    clock, changes = ManualClock(), Quota.CONTROLLER_MUTATION_RATE
    every: Entity = [("client-id", None)]
    quotas = quotas_with(clock, (every, BYTES, 1.0), (every, changes, 1.0))

    for number in range(4):
        client = Client("User:ann", f"{number}")
        if number == 3:
            clock.advance(IDLE_MS)
        quotas.charge(BYTES, client, 1)
        quotas.take_tokens(client, 1, strict=True)

    assert len(quotas._windows) == len(quotas._buckets) == 1


def test_each_quota_tells_how_often_and_how_long_it_made_clients_quiet() -> None:
    clock = ManualClock()
    quotas = quotas_with(
        clock,
        ([("user", "ann")], BYTES, 1000.0),
        ([("user", "ann")], Quota.CONTROLLER_MUTATION_RATE, 2.0),
        ([("ip", None)], Quota.CONNECTION_CREATION_RATE, 1.0),
    )

    quotas.charge(BYTES, ANN, 5_000)  # within the rate
    quotas.charge(BYTES, ANN, 15_000)
    quotas.grant(BYTES, ANN, 1_000)
    quotas.take_tokens(ANN, 30, strict=True)
    for _ in range(12):
        quotas.connection_delay_ms("10.0.0.1")

    assert quotas.counts() == {
        "producer_byte_rate": (0, 0.0),
        "consumer_byte_rate": (2, 21.0),
        "request_percentage": (0, 0.0),
        "controller_mutation_rate": (1, 4.0),
        "connection_creation_rate": (2, 2.0),
    }


def test_without_quotas_nothing_is_counted() -> None:
    quotas = quotas_with(ManualClock())

    assert not quotas.active
    assert quotas.charge(BYTES, ANN, 1e9) == 0
    assert quotas.take_tokens(ANN, 10**9, strict=True) == 0
    assert quotas.connection_delay_ms("10.0.0.1") == 0


@given(lists(tuples(floats(0, 1e6), integers(0, 5000)), min_size=1, max_size=40))
def test_a_window_is_the_sum_of_its_last_seconds(steps: list[tuple[float, int]]) -> None:
    window, now_ms, history = RateWindow(), 0.0, []
    for amount, pause_ms in steps:
        now_ms += pause_ms
        window.record(amount, now_ms)
        history.append((now_ms, amount))

    least = sum(amount for at_ms, amount in history if now_ms - at_ms < 10_000)
    most = sum(amount for at_ms, amount in history if now_ms - at_ms < 11_000)
    assert least - 1e-3 <= window.total <= most + 1e-3
