import pytest

from broker.config import BrokerConfig
from broker.errors import ErrorCode, KafkaError
from broker.metadata.group_configs import (
    CONSUMER_SESSION,
    SHARE_ISOLATION,
    SHARE_LOCK,
    SHARE_RESET,
    check_group_config,
    group_config,
    reset_duration_ms,
)
from broker.metadata.image import ClusterImage, ResourceType

CONFIG = BrokerConfig()
DAY_MS = 86_400_000


def test_a_group_without_a_value_of_its_own_has_the_broker_s() -> None:
    image = ClusterImage(configs={(int(ResourceType.GROUP), "mine"): {SHARE_LOCK: "20000"}})

    assert group_config(image, CONFIG, "mine", SHARE_LOCK) == "20000"
    assert group_config(image, CONFIG, "other", SHARE_LOCK) == "30000"
    assert group_config(image, CONFIG, "mine", SHARE_RESET) == "latest"


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("retention.ms", "1", "Unknown group config name: retention.ms"),
        (CONSUMER_SESSION, "soon", "consumer.session.timeout.ms"),
        (SHARE_ISOLATION, "read_all", SHARE_ISOLATION),
        (SHARE_RESET, "none", SHARE_RESET),
        (SHARE_RESET, "by_duration:P", SHARE_RESET),
        (SHARE_RESET, None, "Null value"),
    ],
)
def test_a_value_that_cannot_be_is_refused(name: str, value: str | None, words: str) -> None:
    with pytest.raises(KafkaError, match=words) as refused:
        check_group_config(name, value)

    assert refused.value.code is ErrorCode.INVALID_CONFIG


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("latest", None),
        ("earliest", None),
        ("by_duration:P1D", DAY_MS),
        ("by_duration:PT1H30M", 5_400_000),
        ("by_duration:P2DT0.5S", 2 * DAY_MS + 500),
    ],
)
def test_a_duration_says_how_far_back_a_group_begins(value: str, expected: int | None) -> None:
    check_group_config(SHARE_RESET, value)

    assert reset_duration_ms(value) == expected
