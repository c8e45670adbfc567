"""The heart of ingest: a batch of hits in, acknowledged records or a refusal out.

"Accepted" is said of an event only after the broker acknowledged its record with acks=all.
"""

import dataclasses
import logging
from dataclasses import dataclass, field
from typing import Final

import msgspec

from tracker.events import WEB_VITALS, Event, encode
from tracker.ingest.dead_letters import DeadLetters
from tracker.ingest.hit import Batch, Hit, Rejected
from tracker.ingest.outcome import Dropped, Reason, Refused
from tracker.ingest.pipeline import Pipeline, is_counted
from tracker.ingest.request import is_address, plain_address
from tracker.ingest.visit import Visit
from tracker.kafka.producer import NewRecord, NotStored, Producer
from tracker.metrics import IngestMetrics
from tracker.topics import EVENTS, METRICS

log = logging.getLogger(__name__)

STORE: Final = "store"
"""The step that hands events to the broker."""
ACCEPTED: Final = "accepted"
REJECTED: Final = "rejected"


@dataclass(slots=True)
class Result:
    """What became of the events of one request."""

    accepted: int = 0
    dropped: list[Reason] = field(default_factory=list)
    rejected: list[Rejected] = field(default_factory=list)


class Collector:
    """Takes hits through the pipeline and stores what it makes of them."""

    def __init__(
        self,
        pipeline: Pipeline,
        producer: Producer,
        dead_letters: DeadLetters,
        metrics: IngestMetrics,
    ) -> None:
        self._pipeline = pipeline
        self._producer = producer
        self._dead_letters = dead_letters
        self._metrics = metrics

    async def collect(self, batch: Batch, visit: Visit) -> Result:
        """Store the batch; what is wrong with single events is in the result.

        Raises Refused with NOT_STORED when any of the good ones was not acknowledged: the sender
        repeats them all, and their ids make the repeats harmless. Raises a lone event's refusal.
        """
        visit.sent_at_ms = batch.sent_at_ms
        result = Result(rejected=list(batch.rejected))
        events = self._enrich(batch, visit, result)
        self._raise_if_all_refused(batch, result)
        await self._store(events)
        self._count(events, batch, result)
        return result

    def preview(self, batch: Batch, visit: Visit) -> list[Event | Dropped]:
        """What `collect` would make of the batch, with nothing stored; raises Refused."""
        visit.sent_at_ms = batch.sent_at_ms
        if batch.rejected:
            raise batch.rejected[0].refusal
        return [self._pipeline.run(hit, _visit_of(hit, visit)) for hit in batch.hits]

    def refused(self, body: bytes, refusal: Refused, events: int = 1) -> None:
        """Count a refusal and keep the body when it is worth it."""
        self._metrics.count(REJECTED, refusal.reason, events)
        self._dead_letters.keep(body, refusal)

    def _enrich(self, batch: Batch, visit: Visit, result: Result) -> list[tuple[Event, Hit]]:
        events = []
        for index, hit in zip(batch.indexes, batch.hits, strict=True):
            try:
                made = self._pipeline.run(hit, _visit_of(hit, visit))
            except Refused as refusal:
                if refusal.reason is Reason.NOT_STORED:
                    raise
                result.rejected.append(Rejected(index, refusal, _body_of(hit)))
            except Exception:  # one wide net: a bug costs one event, which is kept for later
                log.exception("enrichment failed site=%s", hit.site)
                failure = Refused(
                    Reason.ENRICHMENT_FAILURE, "the event could not be enriched", step="pipeline"
                )
                result.rejected.append(Rejected(index, failure, _body_of(hit)))
            else:
                if isinstance(made, Dropped):
                    result.dropped.append(made.reason)
                else:
                    events.append((made, hit))
        return events

    def _raise_if_all_refused(self, batch: Batch, result: Result) -> None:
        """A request of which nothing can be used is refused as a whole."""
        total = len(batch.hits) + len(batch.rejected)
        if len(result.rejected) == total:
            for one in result.rejected:
                self.refused(one.body, one.refusal)
            refusal = result.rejected[0].refusal
            raise WholeRefused(refusal)

    async def _store(self, events: list[tuple[Event, Hit]]) -> None:
        records, metrics = [], []
        for event, hit in events:
            if hit.metrics:
                metrics += _metric_records(event, hit.metrics)
            if event.event_name != WEB_VITALS:
                records.append(NewRecord(encode(event), event.key()))
        try:
            waiting = self._producer.submit(METRICS, metrics) if metrics else None
            if records:
                await self._producer.submit(EVENTS, records)
            if waiting is not None:
                await waiting
        except NotStored as error:
            raise Refused(Reason.NOT_STORED, str(error), step=STORE) from error

    def _count(self, events: list[tuple[Event, Hit]], batch: Batch, result: Result) -> None:
        result.accepted = len(events)
        for event, _ in events:
            self._metrics.count(ACCEPTED, is_counted(event))
        for reason in result.dropped:
            self._metrics.count(REJECTED, reason)
        for one in result.rejected:
            self.refused(one.body, one.refusal)
        if batch.props_dropped:
            self._metrics.props_dropped.inc(batch.props_dropped)


class WholeRefused(Refused):
    """All events of a request were refused, and have been counted and kept one by one."""

    def __init__(self, first: Refused) -> None:
        super().__init__(first.reason, str(first), step=first.step)


def _visit_of(hit: Hit, visit: Visit) -> Visit:
    """The visitor: the sender itself, or whom a sender with a token speaks of."""
    if not visit.server_side:
        return visit
    address = plain_address(hit.client_ip or "")
    return dataclasses.replace(
        visit,
        client_ip=address if is_address(address) else "",
        user_agent=hit.user_agent or "",
    )


def _body_of(hit: Hit) -> bytes:
    """What the dead-letter topic keeps of one event of a batch: never the visitor's address."""
    return msgspec.json.encode(msgspec.structs.replace(hit, client_ip=None, user_agent=None))


def _metric_records(event: Event, metrics: dict[str, float]) -> list[NewRecord]:
    """One record for topic `metrics` for each measured value of the event."""
    records = []
    for name, value in metrics.items():
        measured = msgspec.structs.replace(
            event,
            event_id=f"{event.event_id}-{name}",
            metric_name=name,
            metric_value=value,
            props=None,
        )
        records.append(NewRecord(encode(measured), event.key()))
    return records
