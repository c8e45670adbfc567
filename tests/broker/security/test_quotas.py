import pytest

from broker.metadata.image import ClusterImage
from broker.security.quotas import (
    Entity,
    Quota,
    QuotaChange,
    alter_quotas,
    connection_limit_for,
    limit_for,
)

ALL: list[tuple[Entity, float]] = [
    ([("client-id", None)], 1.0),
    ([("client-id", "web")], 2.0),
    ([("user", None)], 3.0),
    ([("user", None), ("client-id", None)], 4.0),
    ([("user", None), ("client-id", "web")], 5.0),
    ([("user", "ann")], 6.0),
    ([("user", "ann"), ("client-id", None)], 7.0),
    ([("user", "ann"), ("client-id", "web")], 8.0),
]
"""From the least specific to the most specific, as Kafka orders them."""


@pytest.mark.parametrize("count", range(1, 9))
def test_the_most_specific_quota_counts(count: int) -> None:
    wanted = [
        (entity, [QuotaChange(Quota.PRODUCER_BYTE_RATE, rate)]) for entity, rate in ALL[:count]
    ]
    records, _ = alter_quotas(ClusterImage(), wanted)
    quotas = ClusterImage().apply(records).quotas

    limit = limit_for(quotas, Quota.PRODUCER_BYTE_RATE, "ann", "web")

    assert limit is not None
    assert limit.rate == ALL[count - 1][1]


@pytest.mark.parametrize(("rate", "limit"), [(5.0, 5.0), (float("nan"), None)])
def test_the_rate_of_an_address_goes_before_that_of_all(rate: float, limit: float | None) -> None:
    quota = Quota.CONNECTION_CREATION_RATE
    records, _ = alter_quotas(
        ClusterImage(),
        [
            ([("ip", "127.0.0.1")], [QuotaChange(quota, rate)]),
            ([("ip", None)], [QuotaChange(quota, 9.0)]),
        ],
    )
    quotas = ClusterImage().apply(records).quotas

    assert connection_limit_for(quotas, "127.0.0.1") == limit
    assert connection_limit_for(quotas, "127.0.0.2") == 9.0


def test_a_quota_of_another_kind_does_not_hide_the_next() -> None:
    records, _ = alter_quotas(
        ClusterImage(),
        [
            ([("user", "ann")], [QuotaChange(Quota.CONSUMER_BYTE_RATE, 9.0)]),
            ([("user", None)], [QuotaChange(Quota.PRODUCER_BYTE_RATE, 3.0)]),
        ],
    )
    quotas = ClusterImage().apply(records).quotas

    limit = limit_for(quotas, Quota.PRODUCER_BYTE_RATE, "ann", "web")

    assert limit is not None
    assert limit.rate == 3.0
