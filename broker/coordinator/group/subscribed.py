"""The topics of the cluster as a KIP-848 group sees them: ids, sizes, expressions, their hash."""

import hashlib
from collections.abc import Iterable

from broker.coordinator.group.asking import Sees
from broker.errors import ErrorCode, KafkaError
from broker.metadata.image import ClusterImage

_REGEX_MEMORY_BYTES = 1 << 20


def matching_topics(regex: str, image: ClusterImage, sees: Sees) -> frozenset[str]:
    """Topics that whoever asks `sees` and whose whole name matches, internal ones too.

    RE2 takes time linear in their length. Raises INVALID_REGULAR_EXPRESSION.
    """
    import re2  # 3 MB that only expressions need

    options = re2.Options()
    options.max_mem = _REGEX_MEMORY_BYTES
    options.log_errors = False
    try:
        compiled = re2.compile(regex, options)
    except re2.error as error:
        raise KafkaError(
            ErrorCode.INVALID_REGULAR_EXPRESSION,
            f"SubscribedTopicRegex `{regex}` is not a valid regular expression: {_reason(error)}.",
        ) from error
    return frozenset(name for name in image.topics if compiled.fullmatch(name) and sees(name))


def _reason(error: Exception) -> str:
    """RE2's reason in the words of Kafka's library (RE2/J) for the same mistake."""
    (said,) = error.args
    text = said.decode(errors="replace") if isinstance(said, bytes) else str(said)
    reason, _, place = text.partition(": ")
    if place.startswith(("(?<", "(?P<")):
        return "invalid named capture"
    return _KAFKAS_WORDS.get(reason, reason)


_KAFKAS_WORDS = {
    "missing )": "missing closing )",
    "missing ]": "missing closing ]",
    "invalid repetition size": "invalid repeat count",
    "no argument for repetition operator": "missing argument to repetition operator",
    "bad repetition operator": "invalid nested repetition operator",
    "invalid perl operator": "invalid or unsupported Perl syntax",
    "trailing \\": "trailing backslash at end of expression",
    "unexpected )": "regexp/syntax: internal error",
}


def metadata_hash(topics: Iterable[str], image: ClusterImage) -> int:
    """A number that changes when one of the topics is made, deleted, made anew or grows."""
    digest = hashlib.sha256()
    for name in sorted(topics):
        topic = image.topics.get(name)
        if topic is not None:
            digest.update(topic.topic_id + len(topic.partitions).to_bytes(4, "big"))
    return int.from_bytes(digest.digest()[:8], "big", signed=True)
