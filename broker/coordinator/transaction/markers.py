"""Writes the markers that end a transaction in each of its partitions (KIP-98).

All partitions of this broker: the appends are queued together and share their fdatasync.
"""

import asyncio
import logging
from collections.abc import Callable

from broker.coordinator.transaction.transaction import Producer, Transaction
from broker.errors import ErrorCode, KafkaError
from broker.partition.partition import Partition
from broker.partition.partitions import Partitions
from broker.partition.wishes import ACKS_ALL
from broker.records.control import ControlType, EndTransactionMarker, build_marker
from broker.storage.log import AppendInfo, Origin

log = logging.getLogger(__name__)

MARKER_TIMEOUT_MS = 30_000

OnMarker = Callable[[Partition, int, bool], None]
"""(partition, producer id, committed): called when a marker is on the disk."""


class MarkerWriter:
    """Ends transactions in partitions; knows nothing of transactional ids."""

    def __init__(self, partitions: Partitions, on_marker: OnMarker) -> None:
        self._partitions = partitions
        self._on_marker = on_marker

    async def end_everywhere(
        self, transaction: Transaction, coordinator_epoch: int, now_ms: int
    ) -> None:
        """Commit or abort `transaction` in all its partitions; those deleted since are done.

        Raises the first KafkaError when a partition could not take its marker. Writing all of them
        again later is harmless: a marker without an open transaction changes nothing.
        """
        control = ControlType.COMMIT if transaction.is_commit else ControlType.ABORT
        marker = EndTransactionMarker(control, coordinator_epoch)
        queued: list[tuple[Partition, asyncio.Future[AppendInfo]]] = []
        for topic, index in sorted(transaction.partitions):
            try:
                partition = self._partitions.get(topic, index)
            except KafkaError as gone:
                log.info("no marker for a deleted partition: %s", gone)
                continue
            queued.append((partition, self._queue(partition, transaction.producer, marker, now_ms)))
        for partition, future in queued:
            try:
                await asyncio.shield(future)
            except KafkaError as refusal:
                if _is_passing(refusal):
                    raise
                log.warning("no marker needed any more: %s partition=%s", refusal, partition)
                continue
            self._written(partition, transaction.producer.id, control)

    async def end_in(
        self, partition: Partition, producer: Producer, marker: EndTransactionMarker, now_ms: int
    ) -> None:
        """End the open transaction of `producer` in one partition."""
        await asyncio.shield(self._queue(partition, producer, marker, now_ms))
        self._written(partition, producer.id, marker.control_type)

    def _queue(
        self, partition: Partition, producer: Producer, marker: EndTransactionMarker, now_ms: int
    ) -> asyncio.Future[AppendInfo]:
        batch = build_marker(
            marker, producer_id=producer.id, producer_epoch=producer.epoch, now_ms=now_ms
        )
        return partition.start_append(
            memoryview(bytearray(batch)),
            acks=ACKS_ALL,
            timeout_ms=MARKER_TIMEOUT_MS,
            now_ms=now_ms,
            origin=Origin.COORDINATOR,
        )

    def _written(self, partition: Partition, producer_id: int, control: ControlType) -> None:
        partition.stable_offset_may_have_risen()
        self._on_marker(partition, producer_id, control is ControlType.COMMIT)


def _is_passing(refusal: KafkaError) -> bool:
    """Whether a marker refused for this reason is worth another try later."""
    return refusal.code not in (
        ErrorCode.INVALID_PRODUCER_EPOCH,
        ErrorCode.TRANSACTION_COORDINATOR_FENCED,
        ErrorCode.UNKNOWN_TOPIC_OR_PARTITION,
    )
