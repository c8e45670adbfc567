"""Produce requests that repeat with other records: begun and answered without the codec.

A request that names the same partitions in the same way differs in its batches alone, so that all
that was looked up for the first of them (partitions, counters, the layout of the answer) stands.
"""

from collections.abc import Callable, Sequence
from itertools import islice
from typing import Any

from broker.errors import ErrorCode
from broker.metrics import LogMetrics
from broker.partition.appends import Appends, Told
from broker.partition.partition import Partition
from broker.producing.answers import answer_of, append_wish, count_refused, tell_log_start
from broker.protocol.messages.produce import (
    PartitionProduceResponse,
    ProduceRequest,
    ProduceResponse,
    TopicProduceResponse,
)
from broker.records.batch import ATTRIBUTES_POSITION, HEADER_BYTES
from broker.records.header import TRANSACTIONAL_BIT
from broker.storage.log import AppendInfo

BLANKS = 0x6261_7365_0001, 0x7469_6D65_0002, 0x7374_6172_0003
"""Base offset, append time and log start of the first partition; others have more above them."""


class RepeatedAppends:
    """Appends to some partitions, by requests that differ in their batches alone."""

    def __init__(
        self,
        request: ProduceRequest,
        partitions: Sequence[Sequence[Partition]],
        metrics: LogMetrics,
        is_current: Callable[[], bool],
        *,
        by_id: bool,
    ) -> None:
        """`partitions`: those of each topic of `request`, which names them by id or by name.

        `is_current` tells whether what was looked up still holds.
        """
        self.is_current = is_current
        self._wish = append_wish(request)
        self._partitions = [partition for one in partitions for partition in one]
        self._topics = [  # without the request's records: they must not stay
            ("" if by_id else topic.name, topic.topic_id, len(topic.partition_data))
            for topic in request.topic_data
        ]
        self._counters = [
            (metrics.topic(of_topic[0].topic), len(of_topic)) for of_topic in partitions if of_topic
        ]
        blanks = [
            (BLANKS[0] + (place << 48), BLANKS[1] + (place << 48), BLANKS[2] + (place << 48))
            for place in range(len(self._partitions))
        ]
        self.blanks: Sequence[Sequence[int]] = blanks
        self.blank_response = self._response(
            [
                PartitionProduceResponse(partition.index, ErrorCode.NONE, *blank)
                for partition, blank in zip(self._partitions, blanks, strict=True)
            ]
        )

    def start(
        self, records: Sequence[memoryview], now_ms: int, answered: Callable[[Any], None]
    ) -> bool:
        for partition, batch in zip(self._partitions, records, strict=True):
            if (
                len(batch) < HEADER_BYTES
                or batch[ATTRIBUTES_POSITION] & TRANSACTIONAL_BIT
                or not partition.is_online
            ):
                return False
        if len(records) == 1:
            self._partitions[0].append_then(records[0], now_ms, self._wish, answered)
        else:
            Appends(self._wish, now_ms, answered).start_all(self._partitions, records)
        for counters, count in self._counters:
            counters.produce_requests += count
        return True

    def answer(
        self, told: Told | list[Told], records: Sequence[memoryview]
    ) -> list[Sequence[int]] | ProduceResponse:
        """`told`: the answer to the only append, or the answers to several."""
        if not isinstance(told, list):
            told = [told]
        numbers: list[Sequence[int]] = []
        for one in told:
            if isinstance(one, Exception):
                return self._with_refusals(told, records)
            first_offset, _, log_append_time_ms, log_start_offset, _, _ = one
            numbers.append((first_offset, log_append_time_ms, log_start_offset))
        return numbers

    def _with_refusals(
        self, told: Sequence[AppendInfo | Exception], records: Sequence[memoryview]
    ) -> ProduceResponse:
        answers = [
            answer_of(partition.index, one)
            for partition, one in zip(self._partitions, told, strict=True)
        ]
        for answer, partition in zip(answers, self._partitions, strict=True):
            if answer.error_code != ErrorCode.NONE:
                tell_log_start(answer, partition)
        response = self._response(answers)
        rest = iter(zip(answers, records, strict=True))
        for counters, count in self._counters:
            count_refused(counters, islice(rest, count))
        return response

    def _response(self, answers: Sequence[PartitionProduceResponse]) -> ProduceResponse:
        rest = iter(answers)
        topics = [
            TopicProduceResponse(name, topic_id, list(islice(rest, count)))
            for name, topic_id, count in self._topics
        ]
        return ProduceResponse(responses=topics)
