"""Audit (/audit): who changed what or was kept from it, newest first; from `footfall.audit`."""

import json
from dataclasses import dataclass
from typing import Any, Final

from dashboard.cluster.fitting import Wish
from dashboard.pages.page import FILTER_MAX, Page, Values, Visit
from tracker.kafka.admin import ClusterUnavailable
from tracker.topics import AUDIT

ROWS: Final = 100
_TEXTS: Final = ("who", "role", "host", "action", "cluster", "subject", "outcome")


@dataclass(frozen=True, slots=True)
class AuditRow:
    """One entry; what a record lacks is empty, for anybody who may write can write there."""

    at_ms: int
    who: str
    role: str
    host: str
    action: str
    cluster: str
    subject: str
    outcome: str
    details: str


async def values(visit: Visit) -> Values:
    """For the first load only; the topic is on the first cluster, whichever is shown."""
    if not visit.first:
        return {"rows": [], "trouble": "", "scanned": 0, "stopped": "", "wanted": ""}
    return await entries(visit)


async def entries(visit: Visit) -> Values:
    """Entries that hold `?q=`, how many records were looked at, why no more, or what is wrong."""
    state, wanted = visit.state, visit.query.get("q", "")[:FILTER_MAX]
    found: Values = {"rows": [], "trouble": "", "scanned": 0, "stopped": "", "wanted": wanted}
    poller = state.poller(None)
    topic = poller.snapshot.topics.get(AUDIT.name) if poller.snapshot is not None else None
    if topic is None:
        return found
    try:
        looked = await state.browser(poller).browse(topic, Wish(text=wanted, rows=ROWS))
    except ClusterUnavailable as error:
        return found | {"trouble": f"The cluster did not answer: {error}."}
    rows = [row for shown in looked.rows if (row := entry(shown.record.value)) is not None]
    return found | {"rows": rows, "scanned": looked.scanned, "stopped": looked.stopped}


def entry(value: bytes | None) -> AuditRow | None:
    """The record's value read as an entry; None when it is none."""
    try:
        body: Any = json.loads(value or b"")
    except (ValueError, RecursionError):
        return None
    if not isinstance(body, dict):
        return None
    told_ms = body.get("at_ms")
    at_ms = told_ms if isinstance(told_ms, int) and 0 <= told_ms < 2**45 else 0
    details = body.get("details")
    told = json.dumps(details, ensure_ascii=False)[:2_000] if details else ""
    texts = {key: str(body.get(key, ""))[:1_000] for key in _TEXTS}
    return AuditRow(at_ms=at_ms, details=told, **texts)


PAGE = Page("Audit", "/audit", "audit.html", values, every_s=60.0, nav="cluster")
