"""Transactions: who has one open, since when, and where it holds readers up (KIP-664).

kafka-python asks (docs/adr/0024); an open one is ended as Kafka's own tool does it, by taking its
transactional id over for a moment. Every call blocks; see `tracker.kafka.line` for what it raises.
"""

import contextlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from tracker.config import KafkaConfig
from tracker.kafka.admin import ClusterUnavailable, client, quiet_options
from tracker.kafka.changes import Refused
from tracker.kafka.line import Line, words
from tracker.topics import TopicPartition

DESCRIBED_MAX: Final = 2_000  # transactional ids that are described, open ones first
END_S: Final = 15.0
OPEN: Final = frozenset(("Ongoing", "PrepareCommit", "PrepareAbort"))
_AWAY: Final = frozenset(
    (
        client.KafkaError._TIMED_OUT,
        client.KafkaError._TRANSPORT,
        client.KafkaError._ALL_BROKERS_DOWN,
        client.KafkaError.COORDINATOR_NOT_AVAILABLE,
    )
)


@dataclass(frozen=True, slots=True)
class Transaction:
    """The last one of a transactional id; what its coordinator does not tell is None."""

    transactional_id: str
    state: str  # Kafka's word: Ongoing, CompleteCommit ...
    producer_id: int
    coordinator: int
    epoch: int | None = None
    timeout_ms: int | None = None  # the coordinator ends it then
    started_ms: int | None = None  # None: it is not open
    places: tuple[TopicPartition, ...] = ()  # partitions that are in it

    @property
    def is_open(self) -> bool:
        return self.state in OPEN


@dataclass(frozen=True, slots=True)
class Holder:
    """A producer behind whose first record readers of committed ones wait."""

    place: TopicPartition
    producer_id: int
    epoch: int
    start: int  # offset of that record
    last_ms: int  # when it wrote last


class Transactions:
    """One cluster's."""

    def __init__(self, settings: KafkaConfig) -> None:
        self._settings = settings
        self._line = Line(settings)

    def close(self) -> None:
        self._line.close()

    def transactions(self, timeout_s: float) -> tuple[Transaction, ...]:
        """Of all coordinators, open ones first."""

        async def asked(admin: Any) -> list[Transaction]:
            found: list[Transaction] = []
            for node in [one.node_id for one in admin._manager.cluster.brokers()]:
                ask = _asker(admin, node, timeout_s)
                listed = await ask(admin._list_transactions_request())
                if listed.error_code:
                    raise LookupError(f"node {node} refuses to list them: {listed.error_code}")
                of_node = [
                    Transaction(one.transactional_id, one.transaction_state, one.producer_id, node)
                    for one in listed.transaction_states
                ]
                of_node.sort(key=lambda one: (not one.is_open, one.transactional_id))
                found += await _described(of_node, ask)
            return found

        rows = self._line.ask(lambda admin: admin._manager.run(asked, admin), timeout_s)
        return tuple(sorted(rows, key=lambda one: (not one.is_open, one.transactional_id)))

    def holders(self, places: Sequence[TopicPartition], timeout_s: float) -> tuple[Holder, ...]:
        """Who has a transaction open in these partitions, as their leaders know it."""
        if not places:
            return ()

        async def asked(admin: Any) -> list[Holder]:
            wanted = [_structs().TopicPartition(*place) for place in places]
            leaders = await admin._async_get_leader_for_partitions(wanted)
            found: list[Holder] = []
            for node, led in leaders.items():
                named: dict[str, list[int]] = {}
                for place in led:
                    named.setdefault(place.topic, []).append(place.partition)
                ask = _asker(admin, node, timeout_s)
                answer = await ask(admin._describe_producers_request(named))
                found += _holders(answer)
            return found

        rows = self._line.ask(lambda admin: admin._manager.run(asked, admin), timeout_s)
        return tuple(sorted(rows, key=lambda one: (one.place, one.start)))

    def end_transaction(self, transactional_id: str) -> None:
        """Aborts what is open, and fences who has it. Raises Refused and ClusterUnavailable.

        An id that is not there would be made: look first.
        """
        options = quiet_options(self._settings, "footfall-transactions")
        producer = client.Producer(options | {"transactional.id": transactional_id})
        with contextlib.closing(_Purged(producer)):
            try:
                producer.init_transactions(END_S)
            except client.KafkaException as error:
                cause = error.args[0]
                if cause.code() in _AWAY:
                    raise ClusterUnavailable(cause.str()) from error
                raise Refused(cause.str()) from error


@dataclass(frozen=True, slots=True)
class _Purged:
    """A producer that holds nothing up when it goes."""

    producer: Any

    def close(self) -> None:
        self.producer.purge()


def _structs() -> Any:
    import kafka.structs  # after `client_library` has imported it with care

    return kafka.structs


def _asker(admin: Any, node: int, timeout_s: float) -> Callable[[Any], Any]:
    def ask(request: Any) -> Any:
        return admin._manager.send(request, node_id=node, request_timeout_ms=timeout_s * 1000)

    return ask


async def _described(listed: Sequence[Transaction], ask: Callable[[Any], Any]) -> list[Transaction]:
    """With what their coordinator tells of each; one that is gone meanwhile stays as it was."""
    if not listed:
        return []
    request = words("admin").DescribeTransactionsRequest
    ids = [one.transactional_id for one in listed[:DESCRIBED_MAX]]
    answer = await ask(request(transactional_ids=ids))
    told = {one.transactional_id: one for one in answer.transaction_states if not one.error_code}
    return [_full(one, told.get(one.transactional_id)) for one in listed]


def _full(listed: Transaction, told: Any) -> Transaction:
    if told is None:
        return listed
    places = [
        TopicPartition(topic.topic, partition)
        for topic in told.topics
        for partition in topic.partitions
    ]
    return Transaction(
        listed.transactional_id,
        told.transaction_state,
        told.producer_id,
        listed.coordinator,
        told.producer_epoch,
        told.transaction_timeout_ms,
        told.transaction_start_time_ms if told.transaction_start_time_ms >= 0 else None,
        tuple(sorted(places)),
    )


def _holders(answer: Any) -> list[Holder]:
    """Partitions that their leader does not tell are left out."""
    return [
        Holder(
            TopicPartition(topic.name, partition.partition_index),
            one.producer_id,
            one.producer_epoch,
            one.current_txn_start_offset,
            one.last_timestamp,
        )
        for topic in answer.topics
        for partition in topic.partitions
        for one in partition.active_producers
        if partition.error_code == 0 and one.current_txn_start_offset >= 0
    ]
