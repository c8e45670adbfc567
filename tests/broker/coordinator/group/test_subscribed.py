import pytest

from broker.coordinator.group.subscribed import matching_topics
from broker.errors import ErrorCode, KafkaError
from broker.metadata.image import ClusterImage


@pytest.mark.parametrize(
    ("regex", "reason"),
    [
        ("(", "missing closing )"),
        ("[a", "missing closing ]"),
        ("a{2,1}", "invalid repeat count"),
        ("*", "missing argument to repetition operator"),
        ("a**", "invalid nested repetition operator"),
        ("(?<", "invalid named capture"),
        ("a\\", "trailing backslash at end of expression"),
        ("[z-a]", "invalid character class range"),
        (")", "regexp/syntax: internal error"),
    ],
)
def test_a_pattern_that_is_none_is_refused_in_the_words_of_kafka_s_library(
    regex: str, reason: str
) -> None:
    with pytest.raises(KafkaError) as refused:
        matching_topics(regex, ClusterImage(), lambda name: True)

    words = f"SubscribedTopicRegex `{regex}` is not a valid regular expression: {reason}."
    assert refused.value.code is ErrorCode.INVALID_REGULAR_EXPRESSION
    assert refused.value.message == words
