"""The JSON API under the pages: /api/v1/..., described by /api/v1/openapi.json."""

import dataclasses
from collections.abc import Awaitable, Callable, Iterable, Mapping
from itertools import islice
from typing import Any, TypeVar

from aiohttp import web

from dashboard.activity.vitals import RATINGS, Measures
from dashboard.api.activity import refuse_interval, refuse_mismatched
from dashboard.api.history import HistoryApi
from dashboard.api.openapi import document
from dashboard.api.plain import answer, plain
from dashboard.cluster.share_deliveries import Deliveries
from dashboard.pages import activity, alerts, messages
from dashboard.pages.groups import delivered
from dashboard.pages.page import FILTER_MAX, NotFound, Visit, poller_of
from dashboard.state import State
from tracker.kafka.groups import ShareGroup
from tracker.reports.measures import Spread

T = TypeVar("T")


class Api:
    """Answers come from the snapshot, history or reports; what became of a share group's records
    is asked of our own broker. None asks the cluster."""

    def __init__(self, state: State) -> None:
        self._state = state

    def add_routes(self, app: web.Application) -> None:
        """Under /api/v1."""
        routes: dict[str, Callable[[web.Request], Awaitable[web.Response]]] = {
            "/health": self._health,
            "/clusters": self._clusters,
            "/cluster": self._cluster,
            "/topics": self._topics,
            "/topics/{name:[^/]*}/messages": self._messages,
            "/topics/{name:.*}": self._topic,
            "/groups": self._groups,
            "/groups/{name:.*}": self._group,
            "/history": HistoryApi(self._state).handle,
            "/activity": self._activity,
            "/sites": self._sites,
            "/alerts": self._alerts,
            "/openapi.json": self._openapi,
        }
        for path, handler in routes.items():
            app.router.add_get("/api/v1" + path, handler)

    def _visit(self, request: web.Request) -> Visit:
        return Visit(self._state, poller_of(self._state, request.query), request.query)

    def _snapshot(self, request: web.Request) -> Any:
        snapshot = self._visit(request).snapshot
        if snapshot is None:
            raise web.HTTPServiceUnavailable(
                text="the cluster has not answered yet", headers={"Retry-After": "2"}
            )
        return snapshot

    async def _health(self, request: web.Request) -> web.Response:
        visit = self._visit(request)
        return answer(
            {
                "health": self._state.health(visit.poller),
                "connection": visit.poller.connection,
                "stale": visit.poller.is_stale(),
                "records_per_second": visit.poller.live_rate,
            }
        )

    async def _clusters(self, request: web.Request) -> web.Response:
        """Every cluster of the settings, the first first, each with its verdict."""
        rows = []
        for name, poller in self._state.pollers.items():
            health = self._state.health(poller)
            rows.append(
                {
                    "name": name,
                    "up": poller.connection.up,
                    "verdict": health.word,
                    "sentence": health.sentence,
                    "topics": len(poller.snapshot.topics) if poller.snapshot is not None else None,
                    "groups": len(poller.snapshot.groups) if poller.snapshot is not None else None,
                }
            )
        return answer(rows)

    async def _cluster(self, request: web.Request) -> web.Response:
        snapshot = self._snapshot(request)
        return answer(
            {
                "name": snapshot.name,
                "cluster_id": snapshot.cluster_id,
                "controller_id": snapshot.controller_id,
                "brokers": snapshot.brokers,
                "log_dirs": snapshot.log_dirs,
                "share_groups": snapshot.share_groups,
                "taken_at_ms": snapshot.taken_at_ms,
                "topics": len(snapshot.topics),
                "partitions": snapshot.partitions,
                "groups": len(snapshot.groups),
            }
        )

    async def _topics(self, request: web.Request) -> web.Response:
        return answer(
            [
                {
                    "name": topic.name,
                    "internal": topic.internal,
                    "partitions": len(topic.partitions),
                    "records": topic.records,
                    "bytes": topic.size,
                    "records_per_second": topic.rate,
                    "offline": topic.offline,
                    "under_replicated": topic.under_replicated,
                    "under_min_isr": topic.under_min_isr,
                }
                for topic in _wanted(request, self._snapshot(request).topics)
            ]
        )

    async def _topic(self, request: web.Request) -> web.Response:
        topic = self._snapshot(request).topics.get(_name(request))
        if topic is None:
            raise NotFound(f"There is no topic {_name(request)!r} in this cluster.")
        return answer(topic)

    async def _messages(self, request: web.Request) -> web.Response:
        topic = self._snapshot(request).topics.get(_name(request))
        if topic is None:
            raise NotFound(f"There is no topic {_name(request)!r} in this cluster.")
        messages.refuse_unknown_partition(self._visit(request), topic)
        found, trouble = await messages.browse(self._visit(request), topic)
        if found is None:
            status = 403 if messages.why_not(self._visit(request), topic.name) else 503
            return web.json_response({"error": trouble}, status=status)
        return answer(
            {
                "rows": [messages.told(row) for row in found.rows],
                "scanned": found.scanned,
                "stopped": found.stopped,
                "untested": found.untested,
                "masks": self._state.masks.names(topic.name),
            }
        )

    async def _groups(self, request: web.Request) -> web.Response:
        return answer(
            [
                {
                    "group_id": group.group_id,
                    "state": group.state,
                    "cause": group.cause,
                    "kafka_state": group.kafka_state,
                    "protocol": group.protocol,
                    "members": len(group.members),
                    "lag": group.lag,
                    "lag_seconds": group.lag_seconds,
                    "retention_used": group.retention_used,
                    "topics": group.topics,
                }
                for group in _wanted(request, self._snapshot(request).groups)
            ]
        )

    async def _group(self, request: web.Request) -> web.Response:
        snapshot = self._snapshot(request)
        group = snapshot.groups.get(_name(request))
        for share in snapshot.share_groups:
            if group is None and share.group_id == _name(request):
                told = await delivered(self._visit(request), share)
                return answer(_share_group(share, told))
        if group is None:
            raise NotFound(f"There is no consumer group {_name(request)!r} in this cluster.")
        return answer(group)

    async def _activity(self, request: web.Request) -> web.Response:
        refuse_mismatched(request.query)
        found = await activity.values(self._visit(request))
        if found["trouble"]:
            raise web.HTTPServiceUnavailable(text=found["trouble"])
        if found["report"] is None:
            raise NotFound("No site has been seen yet.")
        period = found["period"]
        refuse_interval(request.query, period)
        return answer(
            {
                "site": found["site"],
                "start_ms": period.start_ms,
                "end_ms": period.end_ms,
                "step": found["step"],
                "intervals": found["intervals"],
                "compared_with": found["question"].before,
                "overview": found["report"].overview,
                "live_visitors": found["report"].live_visitors,
                "timeseries": found["report"].points,
                "breakdowns": found["report"].breakdowns,
                "funnel": found["report"].funnel,
                "before": found["report"].before,
                "properties": [
                    {"property": key, **row._asdict()} for key, row in found["report"].properties
                ],
                "cut": found["report"].cut,
                "measures": measured(found["report"].measures),
                "bots": found["report"].bots,
                "visits": found["report"].visits,
                "reading": found["report"].reading,
                "revenue": found["report"].revenue,
            }
        )

    async def _sites(self, request: web.Request) -> web.Response:
        return answer(await self._state.desk.sites())

    async def _alerts(self, request: web.Request) -> web.Response:
        """Each list with `?q=` in it, `?page=` of `?limit=`; all of it without a limit."""
        visit = self._visit(request)
        found = alerts.board(self._state, request.query.get("q", "")[:FILTER_MAX])
        limit = visit.number("limit", 0, 1_000_000) or None
        first = (max(1, visit.number("page", 1, 1_000_000)) - 1) * (limit or 0)
        lists = {part.name: getattr(found, part.name) for part in dataclasses.fields(found)}
        totals = {name: len(rows) for name, rows in lists.items()}
        cut = {name: rows[first:][:limit] for name, rows in lists.items()}
        return answer(cut | {"totals": totals})

    async def _openapi(self, request: web.Request) -> web.Response:
        return answer(document())


def _wanted(request: web.Request, all: Mapping[str, T]) -> Iterable[T]:
    """Those with `?q=` in their name (any case), at most `?limit=`; all without them."""
    text, limit = request.query.get("q", "").lower(), request.query.get("limit", "")
    found = (one for name, one in all.items() if text in name.lower())
    return islice(found, int(limit[:9]) if limit.isascii() and limit.isdigit() else None)


def _name(request: web.Request) -> str:
    return request.match_info["name"] or request.query.get("name", "")


def measured(found: Measures) -> dict[str, Any]:
    """Web vitals, the site's own metrics, and the worst pages of one vital."""

    def told(spread: Spread) -> dict[str, Any]:
        return {
            "values": spread.values,
            "median": spread.median,
            "p75": spread.p75,
            "rating": RATINGS[spread.rating],
            "good": spread.good,
            "needs_improvement": spread.fair,
            "poor": spread.poor,
        }

    return {
        "vitals": {one.name: told(one.spread) for one in found.vitals},
        "own": {
            one.name: {key: told(one.spread)[key] for key in ("values", "median", "p75")}
            for one in found.own
        },
        "vital": found.chosen,
        "pages": [{"page": one.page, **told(one.spread)} for one in found.pages],
    }


def _share_group(share: ShareGroup, told: Deliveries | None) -> dict[str, object]:
    """`in_flight`, `again` and `done` stand in a row only where the bundled broker tells them."""
    starts = None
    if share.starts is not None:
        starts = [
            {"topic": place.topic, "partition": place.partition, "start": at.start, "lag": at.lag}
            | (plain(told[place]) if told is not None and place in told else {})
            for place, at in share.starts.items()
        ]
    return {
        "group_id": share.group_id,
        "protocol": "share",
        "kafka_state": share.state,
        "assignor": share.assignor,
        "lag": share.lag,
        "members": share.members,
        "partitions": starts,
    }
