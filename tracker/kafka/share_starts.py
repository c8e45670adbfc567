"""Start offsets of share groups, changed (KIP-932): APIs 91 and 92, which no client library has.

Each answers what the coordinator refuses with, or nothing when it did as asked.
"""

from collections.abc import Mapping
from typing import Any, Final

from tracker.kafka.admin import ClusterUnavailable
from tracker.kafka.groups import NOT_COORDINATOR, message
from tracker.kafka.line import Line
from tracker.topics import TopicPartition

NON_EMPTY_GROUP: Final = 68
WORDS: Final = {NON_EMPTY_GROUP: "the group has members; stop them first"}


def set_starts(
    line: Line, group_id: str, starts: Mapping[TopicPartition, int], timeout_s: float
) -> str:
    request = message("AlterShareGroupOffsetsRequest")
    topics: dict[str, list[Any]] = {}
    for place, start in starts.items():
        part = request.AlterTopic.AlterPartition(
            partition_index=place.partition, start_offset=start
        )
        topics.setdefault(place.topic, []).append(part)
    named = [
        request.AlterTopic(topic_name=topic, partitions=parts) for topic, parts in topics.items()
    ]
    answer = _asked(line, group_id, request(group_id=group_id, topics=named), timeout_s)
    parts = [part for topic in answer.responses or () for part in topic.partitions]
    return _refusal([answer, *parts])


def delete_starts(line: Line, group_id: str, topic: str, timeout_s: float) -> str:
    request = message("DeleteShareGroupOffsetsRequest")
    named = [request.DeleteTopic(topic_name=topic)]
    answer = _asked(line, group_id, request(group_id=group_id, topics=named), timeout_s)
    return _refusal([answer, *(answer.responses or ())])


def _asked(line: Line, group_id: str, request: Any, timeout_s: float) -> Any:
    message(type(request).__name__.replace("Request", "Response"))

    async def asked(client: Any) -> Any:
        nodes = await client._find_coordinator_ids([group_id])
        sent = client._manager.send(
            request, node_id=nodes[group_id], request_timeout_ms=timeout_s * 1000
        )
        return await sent

    return line.ask(lambda client: client._manager.run(asked, client), timeout_s)


def _refusal(answers: list[Any]) -> str:
    """Of the first that has one; raises ClusterUnavailable where it was asked of another node."""
    for answer in answers:
        code = answer.error_code
        if code in NOT_COORDINATOR:
            raise ClusterUnavailable("the group's coordinator moves; try again")
        if code:
            return answer.error_message or WORDS.get(code, f"error {code}")
    return ""
