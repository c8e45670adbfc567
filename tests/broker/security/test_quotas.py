import pytest

from broker.metadata.image import ClusterImage
from broker.security.quotas import Entity, Quota, QuotaChange, alter_quotas, limit_for

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
