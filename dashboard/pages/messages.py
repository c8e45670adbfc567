"""Messages of a topic (/topics/X?tab=messages): what the address asks for, and what was found."""

from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote, urlencode

from dashboard.cluster.browse import ROWS_MAX, Found, no_partition
from dashboard.cluster.decoded import Shown
from dashboard.cluster.fitting import Wish
from dashboard.cluster.model import Topic
from dashboard.filters.expressions import TooCostly, Unusable
from dashboard.filters.wire import LENGTH_MAX
from dashboard.pages.page import NotFound, Values, Visit
from tracker.kafka.admin import ClusterUnavailable

ROWS = 50
SWITCHED_OFF = "Looking into messages is switched off (messages in [dashboard])."
NOT_YOURS = "You may not look into messages of this topic (messages in [rights])."
OFFSET_MAX = 2**62


def wish(visit: Visit) -> Wish:
    """Nonsense in the address is as if it were not there."""
    query = visit.query
    return Wish(
        partition=_number(query.get("partition", "")),
        offset=_number(query.get("offset", "")),
        since_ms=_moment_ms(query.get("since", "")),
        text=query.get("q", "")[:200],
        field=query.get("field", "")[:200],
        equals=query.get("equals", "")[:200],
        filter=query.get("filter", "").encode(errors="replace").decode().strip()[: LENGTH_MAX + 1],
        rows=max(1, visit.number("rows", ROWS, ROWS_MAX)),
    )


def _number(text: str) -> int | None:
    return min(int(text[:20]), OFFSET_MAX) if text.isascii() and text.isdigit() else None


def _moment_ms(text: str) -> int | None:
    """`2026-11-22T14:02`, UTC; also milliseconds since 1970."""
    if text.isascii() and text.isdigit():
        return min(int(text[:20]), OFFSET_MAX)
    try:
        moment = datetime.fromisoformat(text)
        return int(moment.replace(tzinfo=moment.tzinfo or UTC).timestamp() * 1000)
    except (ValueError, OverflowError):
        return None


def refuse_unknown_partition(visit: Visit, topic: Topic) -> None:
    """Raises NotFound; for programs, a page says it as the reason why nothing was found."""
    wanted = wish(visit).partition
    if wanted is not None and all(part.index != wanted for part in topic.partitions):
        raise NotFound(f"Topic {topic.name!r}: {no_partition(topic, wanted)}.")


def why_not(visit: Visit, topic: str) -> str:
    """Why this reader may not look into the topic's messages; empty where nothing is against it."""
    if visit.state.shows_messages(visit.poller, topic):
        return ""
    return SWITCHED_OFF if not visit.state.config.messages else NOT_YOURS


async def browse(visit: Visit, topic: Topic) -> tuple[Found | None, str]:
    """What was found, or why nothing could be read. Raises Unusable for a bad expression."""
    if trouble := why_not(visit, topic.name):
        return None, trouble
    try:
        return await visit.state.browser(visit.poller).browse(topic, wish(visit)), ""
    except ClusterUnavailable as error:
        return None, f"The cluster did not answer: {error}."
    except TooCostly as error:  # already when it was looked at
        return None, f"This filter cannot be used: {error}."


def told(row: Shown) -> dict[str, Any]:
    """One record as JSON tells it; `cut` says that it is longer than that."""
    sizes = row.record.sizes
    return {
        "partition": row.record.partition,
        "offset": row.record.offset,
        "timestamp_ms": row.record.timestamp_ms,
        "key": row.key,
        "key_kind": row.key_kind,
        "value": row.value,
        "kind": row.kind,
        "headers": row.headers,
        "key_size": sizes and sizes.key,
        "value_size": sizes and sizes.value,
        "headers_size": sizes and sizes.headers,
        "cut": row.cut,
    }


async def values(visit: Visit, topic: Topic) -> Values:
    """For the first load only: a stream does not search again and again."""
    found, trouble, bad = None, "", ""
    try:
        if visit.first:
            found, trouble = await browse(visit, topic)
    except Unusable as error:
        bad = str(error)
    return {
        "bad_filter": bad,
        "filter_max": LENGTH_MAX,
        "found": found,
        "trouble": trouble,
        "wish": wish(visit),
        "tail_url": tail_url(visit),
        "masks": visit.state.masks.names(topic.name),
        "file_url": lambda form: file_url(visit, form),
    }


def tail_url(visit: Visit) -> str:
    """Where the newest records that fit are pushed from."""
    kept = ("cluster", "partition", "q", "field", "equals", "filter")
    return _address(visit, "tail", kept)


def file_url(visit: Visit, form: str) -> str:
    """What fits, as a file: `csv` or `json`."""
    kept = ("cluster", "partition", "offset", "since", "q", "field", "equals", "filter")
    return _address(visit, f"messages.{form}", kept)


def _address(visit: Visit, what: str, kept: tuple[str, ...]) -> str:
    query = {key: visit.query[key] for key in kept if visit.query.get(key)}
    address = f"/api/v1/topics/{quote(visit.name, safe='')}/{what}"
    return f"{address}?{urlencode(query)}"
