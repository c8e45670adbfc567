"""Lists of the pages as CSV, with the page's filter and order, all rows; and rights as JSON.

GET /api/v1/topics.csv, /groups.csv, /topics/<name>/partitions.csv, /acls.csv, /acls, /scram-users,
/quotas, /audit, /copies and /transactions.
"""

import dataclasses
import math
from collections.abc import Awaitable, Callable
from typing import TypeVar

from aiohttp import web

from dashboard.api.csv_answer import Cell, csv_answer
from dashboard.api.plain import answer, plain
from dashboard.asked import Answer
from dashboard.pages import audit, groups, topics, transactions
from dashboard.pages.page import NotFound, Visit, poller_of
from dashboard.pages.security import acl_table
from dashboard.security.desk import SecurityDesk
from dashboard.security.meaning import sentence
from dashboard.state import State
from tracker.kafka.security import Acl

T = TypeVar("T")


class ListsApi:
    """Answers from the snapshot; rights are asked of the cluster, at most once in ten seconds."""

    def __init__(self, state: State) -> None:
        self._state = state

    def add_routes(self, app: web.Application) -> None:
        """Under /api/v1."""
        routes: dict[str, Callable[[web.Request], Awaitable[web.Response]]] = {
            "/topics.csv": self._topics,
            "/groups.csv": self._groups,
            "/topics/{name:[^/]*}/partitions.csv": self._partitions,
            "/acls.csv": self._acls_csv,
            "/acls": self._acls,
            "/scram-users": self._users,
            "/quotas": self._quotas,
            "/audit": self._audit,
            "/copies": self._copies,
            "/transactions": self._transactions,
        }
        for path, handler in routes.items():
            app.router.add_get("/api/v1" + path, handler)

    def _visit(self, request: web.Request) -> Visit:
        poller = poller_of(self._state, request.query)
        return Visit(self._state, poller, request.query, whole=True)

    def _looked(self, request: web.Request) -> Visit:
        visit = self._visit(request)
        if visit.snapshot is None:
            raise web.HTTPServiceUnavailable(
                text="the cluster has not answered yet", headers={"Retry-After": "2"}
            )
        return visit

    def _desk(self, visit: Visit) -> SecurityDesk:
        return visit.beside.security

    async def _topics(self, request: web.Request) -> web.Response:
        found = await topics.list_values(self._looked(request))
        rows: list[tuple[Cell, ...]] = [
            (
                *("topic", "records_per_second", "records", "bytes", "retention_ms", "partitions"),
                *("under_replicated", "offline", "under_min_isr", "groups", "worst_lag_seconds"),
            )
        ]
        for row in found["table"].rows:
            topic = row.topic
            rows.append(
                (
                    *(topic.name, topic.rate, topic.records, topic.size),
                    *(topic.config("retention.ms"), len(topic.partitions)),
                    *(topic.under_replicated, topic.offline, topic.under_min_isr),
                    *(row.groups, row.worst_lag_s),
                )
            )
        return csv_answer(rows, "topics.csv")

    async def _groups(self, request: web.Request) -> web.Response:
        found = await groups.list_values(self._looked(request))
        titles = ("group", "state", "lag_seconds", "lag", "members", "retention_used", "why")
        rows: list[tuple[Cell, ...]] = [titles]
        rows += [
            (
                *(group.group_id, group.state, group.lag_seconds, group.lag),
                *(len(group.members), group.at_risk, group.cause),
            )
            for group in found["table"].rows
        ]
        return csv_answer(rows, "groups.csv")

    async def _partitions(self, request: web.Request) -> web.Response:
        visit, name = self._looked(request), request.match_info["name"] or request.query.get("name")
        assert visit.snapshot is not None
        topic = visit.snapshot.topics.get(name or "")
        if topic is None:
            raise NotFound(f"There is no topic {name!r} in this cluster.")
        rows: list[tuple[Cell, ...]] = [
            ("partition", "leader", "replicas", "in_sync", "start", "end", "records", "bytes")
        ]
        rows += [
            (
                *(part.index, part.leader),
                *(" ".join(map(str, part.replicas)), " ".join(map(str, part.isr))),
                *(part.start, part.end, part.records, part.size),
            )
            for part in topic.partitions
        ]
        return csv_answer(rows, f"{topic.name}_partitions.csv")

    async def _acls_csv(self, request: web.Request) -> web.Response:
        visit = self._visit(request)
        acls = known(await self._desk(visit).acls.answer(math.inf))
        titles = (
            *("principal", "permission", "operation", "resource", "pattern", "name", "host"),
            "means",
        )
        rows: list[tuple[Cell, ...]] = [titles]
        rows += [
            (
                *(acl.principal, acl.permission, acl.operation, acl.resource, acl.pattern),
                *(acl.name, acl.host, sentence(acl)),
            )
            for acl in acl_table(visit, acls).rows
        ]
        return csv_answer(rows, "acls.csv")

    async def _acls(self, request: web.Request) -> web.Response:
        visit = self._visit(request)
        found: list[Acl] = acl_table(
            visit, known(await self._desk(visit).acls.answer(math.inf))
        ).rows
        return web.json_response(
            [
                {
                    "principal": acl.principal,
                    "resource": acl.resource,
                    "name": acl.name,
                    "pattern": acl.pattern,
                    "operation": acl.operation,
                    "permission": acl.permission,
                    "host": acl.host,
                }
                for acl in found
            ]
        )

    async def _users(self, request: web.Request) -> web.Response:
        users = known(await self._desk(self._visit(request)).users.answer(math.inf))
        return web.json_response(
            [{"user": user.name, "mechanisms": dict(user.mechanisms)} for user in users]
        )

    async def _quotas(self, request: web.Request) -> web.Response:
        quotas = known(await self._desk(self._visit(request)).quotas.answer(math.inf))
        return web.json_response(
            [{"entity": dict(one.entity), "limits": dict(one.limits)} for one in quotas]
        )

    async def _transactions(self, request: web.Request) -> web.Response:
        visit = self._visit(request)
        told = await visit.beside.transactions.seen.answer(math.inf)
        seen = known(told)
        rows = transactions.found(visit, told).rows
        return answer(
            {
                "transactions": [plain(one) | {"open": one.is_open} for one in rows],
                "held": [plain(one) | {"hangs": one.hangs} for one in seen.held],
            }
        )

    async def _copies(self, request: web.Request) -> web.Response:
        """Of all clusters, the newest first."""
        return answer([plain(one) | {"share": one.share} for one in self._state.copies])

    async def _audit(self, request: web.Request) -> web.Response:
        found = await audit.entries(self._looked(request))
        if found["trouble"]:
            raise web.HTTPServiceUnavailable(text=found["trouble"])
        rows = [dataclasses.asdict(row) for row in found["rows"]]
        return web.json_response(
            {"rows": rows, "scanned": found["scanned"], "stopped": found["stopped"]}
        )


def known(answer: Answer[T]) -> T:
    """What was told; raises 409 where the cluster refuses, 503 where it does not answer."""
    if answer.value is not None and not answer.trouble:
        return answer.value
    if answer.refused:
        raise web.HTTPConflict(text=answer.trouble)
    raise web.HTTPServiceUnavailable(text=answer.trouble, headers={"Retry-After": "10"})
