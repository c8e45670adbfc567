"""What the cluster is and where its readers stand: librdkafka's admin client, asked.

What it answers with stands in tracker/kafka/answers.

Every call blocks, at most `timeout_s` seconds; call it from a thread. A cluster that does not
answer raises `ClusterUnavailable`. What is asked for many groups or partitions at once leaves out
those that could not be answered (a coordinator that loads, a topic deleted meanwhile). Nothing here
ever creates a topic: metadata is asked without auto-creation.
"""

import logging
import math
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import Future
from concurrent.futures import TimeoutError as FutureTimeout
from contextlib import suppress
from functools import partial
from threading import Lock
from typing import Any, Final, TypeVar

import confluent_kafka
import confluent_kafka.admin

from tracker.config import KafkaConfig
from tracker.kafka.answers import (
    BrokerNode,
    ClusterMetadata,
    ConfigValue,
    GroupDescription,
    GroupListing,
    GroupMember,
    LogSpan,
    PartitionMetadata,
)
from tracker.kafka.causes import Causes
from tracker.kafka.options import client_options
from tracker.topics import TopicPartition

log = logging.getLogger(__name__)

client: Any = confluent_kafka  # its annotations leave out half of what it exports
admin: Any = confluent_kafka.admin

T = TypeVar("T")
K = TypeVar("K")

LATEST: Final = "latest"
LATEST_STABLE: Final = "latest-stable"
EARLIEST: Final = "earliest"
_URL_SAFE: Final = str.maketrans("+/", "-_")  # as Kafka writes ids


class ClusterUnavailable(Exception):
    """The cluster did not answer in time, or refused; the message is librdkafka's."""


def quiet_options(settings: KafkaConfig, client_id: str) -> dict[str, Any]:
    """Of a client that asks: a cluster that is away is given up soon and without a word."""
    return client_options(settings, client_id) | {
        "socket.connection.setup.timeout.ms": 3_000,
        "log_level": 0,
    }


SILENT_MAX: Final = 3  # looks of the dashboard
COORDINATOR_TIMEOUT_S: Final = 600.0
"""What librdkafka is told for questions to coordinators; who asks goes away long before.

When such a question times out inside librdkafka (2.16) before its coordinator is found, and is
found afterwards, librdkafka ends the process: a broker that stood still and went on did that.
"""
LEADERS_TIMEOUT_S: Final = 600.0
"""What librdkafka is told for questions about offsets, for the like of it.

It (2.16) starts the timer of such a question, then looks for leaders in the thread that asks. When
that thread stands still for as long, as on a full machine for a twentieth of a second, the timer's
thread has freed the question meanwhile: the heap is damaged and the process ends.
"""
GONE_BY_S: Final = 120.0
"""So long after a client was replaced nobody asks it any more: every question has its time."""
REFRESH_REST_S: Final = 3.0  # between looks for partitions that librdkafka does not know


class Admin:
    """One cluster, asked; safe to share between threads."""

    def __init__(self, settings: KafkaConfig, client_id: str = "footfall-dashboard") -> None:
        self._causes = Causes()
        hear = partial(_hear, self._causes)
        self._options = quiet_options(settings, client_id) | {"error_cb": hear}
        self._client = ask(lambda: admin.AdminClient(self._options, logger=log))
        self._silent = 0  # questions in a row to which no coordinator answered
        self._refreshed_at = -math.inf  # when it last looked for partitions it did not know
        self._renewing = Lock()
        self._replaced: list[tuple[float, Any]] = []  # when, and the client

    def metadata(self, timeout_s: float) -> ClusterMetadata:
        """Brokers, and the leader and replicas of every partition."""
        answer = self._with_cause(lambda: self._client.list_topics(timeout=timeout_s))
        cluster = answer.cluster_id
        brokers = [BrokerNode(node.id, node.host, node.port) for node in answer.brokers.values()]
        topics = {
            name: tuple(
                PartitionMetadata(part.id, part.leader, tuple(part.replicas), tuple(part.isrs))
                for part in sorted(topic.partitions.values(), key=lambda part: part.id)
            )
            for name, topic in answer.topics.items()
            if topic.error is None
        }
        brokers.sort(key=lambda node: node.id)
        return ClusterMetadata(cluster or "", answer.controller_id, tuple(brokers), topics)

    def topic_ids(self, topics: Sequence[str], timeout_s: float) -> dict[str, str]:
        """Ids of topics (KIP-516): a topic made anew under its old name has another one.

        Topics without an id (brokers before 2.8) or deleted meanwhile are left out.
        """
        if not topics:
            return {}
        named = client.TopicCollection(list(topics))
        futures = ask(lambda: self._client.describe_topics(named, request_timeout=timeout_s))
        answers = _gather(futures, timeout_s).items()
        found = {name: str(t.topic_id).translate(_URL_SAFE) for name, t in answers}
        return {name: id for name, id in found.items() if id.strip("A")}  # all zero: none

    def ping(self, timeout_s: float) -> None:
        """Returns when a broker answered; raises ClusterUnavailable when none did."""
        self._with_cause(
            lambda: self._client.describe_cluster(request_timeout=timeout_s).result(timeout_s)
        )

    def _with_cause(self, call: Callable[[], T]) -> T:
        """As `ask`; no answer has the cause that librdkafka tells beside it."""
        try:
            answer = ask(call)
        except ClusterUnavailable as away:
            self._client.poll(0)
            raise ClusterUnavailable(self._causes.why(str(away))) from away
        self._causes.answered()
        return answer

    def list_groups(self, timeout_s: float) -> tuple[str, ...]:
        """Ids of all consumer groups, classic and KIP-848; others: tracker.kafka.inventory."""
        return self.group_listing(timeout_s).ids

    def group_listing(self, timeout_s: float) -> GroupListing:
        """As `list_groups`, and whether every broker answered."""
        future = ask(lambda: self._client.list_consumer_groups(request_timeout=timeout_s))
        listing = ask(lambda: future.result(timeout_s))
        ids = tuple(sorted({group.group_id for group in listing.valid or ()}))
        return GroupListing(ids, not listing.errors)

    def describe_groups(
        self, group_ids: Sequence[str], timeout_s: float
    ) -> dict[str, GroupDescription]:
        """State, members and their assignments."""
        if not group_ids:
            return {}
        futures = ask(
            lambda: self._client.describe_consumer_groups(
                list(group_ids), request_timeout=COORDINATOR_TIMEOUT_S
            )
        )
        try:
            answers = _gather(futures, timeout_s)
        except ClusterUnavailable:
            self._heard_nobody()
            raise
        self._silent = 0
        self._end_replaced()
        return {group_id: _description(answer) for group_id, answer in answers.items()}

    def _heard_nobody(self) -> None:
        """A new client once no coordinator answered for SILENT_MAX questions in a row.

        After a broker stood still for a minute (SIGSTOP), librdkafka asks it everything but what
        goes to coordinators, for good; a new client does.
        """
        self._silent += 1
        if self._silent >= SILENT_MAX:
            self._silent = 0
            with self._renewing:
                self._replaced.append((time.monotonic(), self._client))
                self._client = admin.AdminClient(self._options, logger=log)
        self._end_replaced()

    def _end_replaced(self) -> None:
        """End clients that were replaced, here and now.

        They are held until then: an exception may have them in a cycle, whose collector runs in
        whatever thread makes objects, and librdkafka ends the process when that is one of its own.
        """
        gone_by_s = time.monotonic() - GONE_BY_S
        with self._renewing:
            gone = [one for at_s, one in self._replaced if at_s <= gone_by_s]
            self._replaced = [(at_s, one) for at_s, one in self._replaced if at_s > gone_by_s]
        for one in gone:
            one.__exit__(None, None, None)  # its only way to end; another call is refused then

    def committed(
        self, group_ids: Sequence[str], timeout_s: float
    ) -> dict[str, dict[TopicPartition, int]]:
        """Committed offsets; partitions without a commit are not in the answer."""
        futures: dict[str, Future[Any]] = {}
        for group_id in group_ids:
            question = [client.ConsumerGroupTopicPartitions(group_id)]
            call = partial(self._client.list_consumer_group_offsets, question)
            futures.update(ask(partial(call, request_timeout=COORDINATOR_TIMEOUT_S)))
        return {
            group_id: {
                TopicPartition(part.topic, part.partition): part.offset
                for part in answer.topic_partitions
                if part.error is None and part.offset >= 0
            }
            for group_id, answer in _gather(futures, timeout_s).items()
        }

    def offsets(
        self, partitions: Iterable[TopicPartition], which: str, timeout_s: float
    ) -> dict[TopicPartition, int]:
        """EARLIEST, LATEST (high watermark) or LATEST_STABLE offset of each partition."""
        spec = admin.OffsetSpec.earliest() if which == EARLIEST else admin.OffsetSpec.latest()
        return self._offsets({part: spec for part in partitions}, which, timeout_s)

    def offsets_for_time(
        self, partitions: Iterable[TopicPartition], timestamp_ms: int, timeout_s: float
    ) -> dict[TopicPartition, int]:
        """First offset at or after `timestamp_ms`; the end where there is none."""
        spec = admin.OffsetSpec.for_timestamp(timestamp_ms)
        found = self._offsets({part: spec for part in partitions}, LATEST, timeout_s)
        ends = self.offsets(
            [part for part, offset in found.items() if offset < 0], LATEST, timeout_s
        )
        return found | ends

    def spans(
        self, partitions: Sequence[TopicPartition], timeout_s: float
    ) -> dict[TopicPartition, LogSpan]:
        """First and youngest record of each log, without reading any (ListOffsets v7, KIP-734).

        Logs that are empty or whose records have no timestamps are left out.
        """
        level = client.IsolationLevel.READ_UNCOMMITTED

        def points(spec: Any) -> dict[TopicPartition, tuple[int, int]]:
            wire = {client.TopicPartition(*part): spec for part in partitions}
            call = partial(self._client.list_offsets, wire, isolation_level=level)
            futures = ask(partial(call, request_timeout=LEADERS_TIMEOUT_S))
            return {
                TopicPartition(part.topic, part.partition): (answer.offset, answer.timestamp)
                for part, answer in _gather(futures, timeout_s).items()
                if answer.offset >= 0 and answer.timestamp >= 0
            }

        firsts, youngest = (
            points(admin.OffsetSpec.for_timestamp(0)),
            points(admin.OffsetSpec.max_timestamp()),
        )
        return {
            place: LogSpan(*first, *youngest[place])
            for place, first in firsts.items()
            if place in youngest
        }

    def _offsets(
        self, question: Mapping[TopicPartition, Any], which: str, timeout_s: float
    ) -> dict[TopicPartition, int]:
        if not question:
            return {}
        deadline = time.monotonic() + timeout_s
        found = self._listed(question, which, timeout_s)
        missing = {part: spec for part, spec in question.items() if part not in found}
        if missing and time.monotonic() - self._refreshed_at > REFRESH_REST_S:
            self._refreshed_at = time.monotonic()
            with suppress(ClusterUnavailable):  # what was found is told all the same
                self.metadata(max(0.05, deadline - time.monotonic()))
                found |= self._listed(missing, which, max(0.05, deadline - time.monotonic()))
        return found

    def _listed(
        self, question: Mapping[TopicPartition, Any], which: str, timeout_s: float
    ) -> dict[TopicPartition, int]:
        """Without partitions that librdkafka has not heard of: it keeps what a topic had for up to
        five minutes."""
        stable = which == LATEST_STABLE
        level = (
            client.IsolationLevel.READ_COMMITTED
            if stable
            else client.IsolationLevel.READ_UNCOMMITTED
        )
        wire = {client.TopicPartition(*part): spec for part, spec in question.items()}
        futures = ask(
            lambda: self._client.list_offsets(
                wire, isolation_level=level, request_timeout=LEADERS_TIMEOUT_S
            )
        )
        return {
            TopicPartition(part.topic, part.partition): answer.offset
            for part, answer in _gather(futures, timeout_s).items()
        }

    def topic_configs(
        self, topics: Sequence[str], timeout_s: float
    ) -> dict[str, dict[str, ConfigValue]]:
        """Every setting of each topic, by its Kafka name."""
        return self._configs(admin.ResourceType.TOPIC, topics, timeout_s)

    def broker_configs(
        self, broker_ids: Sequence[int], timeout_s: float
    ) -> dict[str, dict[str, ConfigValue]]:
        """Every setting of each broker; the key is the broker's id as text."""
        return self._configs(admin.ResourceType.BROKER, [str(id) for id in broker_ids], timeout_s)

    def racks(self, timeout_s: float) -> dict[int, str]:
        """Where each broker that says so stands."""
        future = ask(lambda: self._client.describe_cluster(request_timeout=timeout_s))
        answer: Any = ask(lambda: future.result(timeout_s + 1))
        return {node.id: node.rack for node in answer.nodes if node.rack}

    def _configs(
        self, kind: Any, names: Sequence[str], timeout_s: float
    ) -> dict[str, dict[str, ConfigValue]]:
        if not names:
            return {}
        resources = [admin.ConfigResource(kind, name) for name in names]
        futures = ask(lambda: self._client.describe_configs(resources, request_timeout=timeout_s))
        return {
            resource.name: {name: _config_value(entry) for name, entry in answer.items()}
            for resource, answer in _gather(futures, timeout_s).items()
        }


def _description(answer: Any) -> GroupDescription:
    members = tuple(
        GroupMember(
            member.member_id,
            member.client_id,
            member.host,
            member.group_instance_id or "",
            tuple(
                TopicPartition(part.topic, part.partition)
                for part in member.assignment.topic_partitions
            ),
        )
        for member in answer.members
    )
    return GroupDescription(
        group_id=answer.group_id,
        protocol=answer.type.name.lower() if answer.type is not None else "unknown",
        state=answer.state.name.lower(),
        assignor=answer.partition_assignor or "",
        coordinator_id=answer.coordinator.id if answer.coordinator is not None else -1,
        members=members,
    )


def _config_value(entry: Any) -> ConfigValue:
    value = "" if entry.is_sensitive or entry.value is None else entry.value
    try:
        source = admin.ConfigSource(entry.source).name
    except ValueError:  # of a broker that is newer than librdkafka
        source = ""
    return ConfigValue(
        entry.name, value, entry.is_default, entry.is_read_only, entry.is_sensitive, source
    )


def _hear(causes: Causes, error: Any) -> None:
    causes.hear(error.str())


def ask(call: Callable[[], T]) -> T:
    """`call()`, with every way in which librdkafka says no turned into ClusterUnavailable."""
    try:
        return call()
    except client.KafkaException as error:
        raise ClusterUnavailable(error.args[0].str()) from error
    except FutureTimeout as error:
        raise ClusterUnavailable("no answer in time") from error


def _gather(futures: Mapping[K, Future[Any]], timeout_s: float) -> dict[K, Any]:
    """Results of those that succeeded; raises only when all failed."""
    deadline = time.monotonic() + timeout_s
    answers: dict[K, Any] = {}
    refusal: ClusterUnavailable | None = None
    for key, future in futures.items():
        try:
            remaining = max(0.0, deadline - time.monotonic())
            answers[key] = ask(partial(future.result, remaining))
        except ClusterUnavailable as error:
            refusal = error
            log.debug("left out of the snapshot what=%s reason=%s", key, error)
    try:
        if refusal is not None and not answers:
            raise refusal
    finally:
        del refusal  # it knows this frame: a cycle that would hold all who called
    return answers
