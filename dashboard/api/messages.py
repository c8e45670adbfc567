"""GET /api/v1/topics/<name>/messages.csv and .json: what the message browser finds, as a file.

The page's place and filters, oldest first, up to 10,000 records. The file is sent while the topic
is read, a slice at a time, so that pages get their turns between; its end says what was looked at
and why it stopped.
"""

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Final

from aiohttp import web

from dashboard.api.csv_answer import attachment, lines
from dashboard.cluster.browse import READ_AT_ONCE, READ_S, Desk, Reach, Scan, told_untested
from dashboard.cluster.decoded import Shown, decoded
from dashboard.cluster.fitting import Wish
from dashboard.cluster.model import Topic
from dashboard.pages import messages
from dashboard.pages.page import NotFound, Visit, poller_of
from dashboard.state import State
from tracker.kafka.admin import ClusterUnavailable

ROWS_MAX: Final = 10_000
SCANNED_MAX: Final = 100_000
BYTES_MAX: Final = 50_000_000
LASTS_MS: Final = 60_000
HELD_S: Final = 180.0  # for those who take it slowly; then it is cut
AT_ONCE: Final = 4
SLICE_READS: Final = 2
LETTERS: Final = 1_000_000  # of one key, value or header
TITLES: Final = (
    *("partition", "offset", "time_utc", "key", "key_kind"),
    *("value", "kind", "headers", "key_size", "value_size", "headers_size", "note"),
)
RETRY: Final = {"Retry-After": "30"}


@dataclass(slots=True)
class Sent:
    """How far a file has come."""

    rows: int = 0
    bytes: int = 0
    scanned: int = 0
    stopped: str = ""
    untested: str = ""


class MessageExport:
    """At most four files at once; each holds one slice in memory."""

    def __init__(self, state: State) -> None:
        self._state = state
        self._slots = asyncio.Semaphore(AT_ONCE)

    async def handle(self, request: web.Request) -> web.StreamResponse:
        name = request.match_info["name"] or request.query.get("name", "")
        poller = poller_of(self._state, request.query)
        visit = Visit(self._state, poller, request.query, name)
        topic = visit.snapshot.topics.get(name) if visit.snapshot is not None else None
        if topic is None:
            raise NotFound(f"There is no topic {name!r} in this cluster.")
        if why := messages.why_not(visit, name):
            raise web.HTTPForbidden(text=why)
        messages.refuse_unknown_partition(visit, topic)
        await self._state.browser(poller).check(messages.wish(visit))
        if self._slots.locked():
            raise web.HTTPServiceUnavailable(text="four files are being made", headers=RETRY)
        form = "csv" if request.path.endswith(".csv") else "json"
        headers = {
            "Content-Type": "text/csv; charset=utf-8" if form == "csv" else "application/json",
            "Cache-Control": "no-store",
            "X-Content-Type-Options": "nosniff",
            **attachment(f"{name}.{form}"),
        }
        response = web.StreamResponse(headers=headers)
        async with self._slots:
            await response.prepare(request)
            parts = _csv if form == "csv" else _json
            try:
                async with asyncio.timeout(HELD_S):
                    async for part in parts(topic, self._slices(visit, topic, request)):
                        await response.write(part.encode("utf-8", "replace"))
            except TimeoutError:  # who asked takes nothing: the place is for somebody else
                if request.transport is not None:
                    request.transport.abort()
            except ConnectionResetError:
                pass  # it was broken off
        return response

    async def _slices(
        self, visit: Visit, topic: Topic, request: web.Request
    ) -> AsyncIterator[tuple[list[Shown], Sent]]:
        """Rows of each slice, and how far it is; the last one has `stopped`."""
        rows = max(1, visit.number("rows", ROWS_MAX, ROWS_MAX))
        wish, sent = replace(messages.wish(visit), rows=rows), Sent()
        browser, clock = self._state.browser(visit.poller), self._state.clock
        until_ms = clock.monotonic_ms() + LASTS_MS
        reach = Reach(topic, wish, SCANNED_MAX)
        try:
            scan = await browser.run(reach.begin)
            while not sent.stopped:
                taken = await browser.run(
                    lambda desk: read_slice(desk, scan, wish, rows - sent.rows)
                )
                for row in taken:
                    sent.rows += 1
                    sent.bytes += size_of(row)
                sent.scanned, sent.untested = scan.scanned, told_untested(scan.untested)
                late = clock.monotonic_ms() > until_ms
                sent.stopped = self._enough(sent, rows, late and not scan.stopped) or scan.stopped
                if not sent.stopped and not self._state.guard.still_in(request):
                    sent.stopped = "you signed out"
                yield taken, sent
        except ClusterUnavailable as error:
            sent.stopped = f"the cluster did not answer: {error}"
            yield [], sent

    @staticmethod
    def _enough(sent: Sent, rows: int, late: bool) -> str:
        if sent.rows >= rows:
            return f"it found {rows}"
        if sent.bytes >= BYTES_MAX:
            return f"the file has {BYTES_MAX} bytes"
        return f"it took {LASTS_MS // 1000} s" if late else ""


def read_slice(desk: Desk, scan: Scan, wish: Wish, rows: int) -> list[Shown]:
    """A few reads on from where the scan is; blocks."""
    if scan.stopped:
        return []
    desk.reader.start(scan.positions)
    try:
        for _ in range(SLICE_READS):
            scan.take(desk.reader.read(min(READ_AT_ONCE, scan.left), READ_S))
            if scan.stopped or len(scan.fitting) >= rows:
                break
    finally:
        desk.reader.stop()
    return [decoded(record, LETTERS, as_stored=True) for record in scan.taken()[:rows]]


def size_of(row: Shown) -> int:
    """Letters of key, value and headers, about the bytes that they take in the file."""
    pairs = sum(len(name) + len(part or "") for name, part in row.headers)
    return len(row.key or "") + len(row.value or "") + pairs


def _sizes(row: Shown) -> tuple[int | None, ...]:
    sizes = row.record.sizes
    return (sizes.key, sizes.value, sizes.headers) if sizes else (None, None, None)


async def _csv(topic: Topic, slices: AsyncIterator[tuple[list[Shown], Sent]]) -> AsyncIterator[str]:
    yield lines([TITLES])
    async for rows, sent in slices:
        yield lines(
            (
                *(row.record.partition, row.record.offset, _utc(row.record.timestamp_ms)),
                *(row.key, row.key_kind, row.value, row.kind),
                json.dumps(row.headers, ensure_ascii=False),
                *_sizes(row),
                "",
            )
            for row in rows
        )
        if sent.stopped:
            note = (
                f"{sent.rows} records of {sent.scanned} looked at; stopped because {sent.stopped}"
                + (f"; {sent.untested}" if sent.untested else "")
            )
            yield lines([(*[""] * (len(TITLES) - 1), note)])


async def _json(
    topic: Topic, slices: AsyncIterator[tuple[list[Shown], Sent]]
) -> AsyncIterator[str]:
    yield f'{{"topic":{json.dumps(topic.name)},"rows":['
    between = "\n"
    async for rows, sent in slices:
        for row in rows:
            yield between + json.dumps(
                messages.told(row), ensure_ascii=False, separators=(",", ":")
            )
            between = ",\n"
        if sent.stopped:
            told = {
                "scanned": sent.scanned,
                "stopped": sent.stopped,
                "untested": sent.untested,
            }
            yield f"\n],{json.dumps(told)[1:]}\n"


def _utc(at_ms: int) -> str:
    if not 0 <= at_ms < 2**47:
        return ""
    return datetime.fromtimestamp(at_ms / 1000, UTC).isoformat(timespec="milliseconds")
