"""GET /api/v1/pipeline, /brokers/<id> and /settings: what the pages of these names show."""

import math
from typing import Final

import msgspec
from aiohttp import web

from dashboard.access.guard import WHO
from dashboard.api.lists import known
from dashboard.identity import Role
from dashboard.pages import broker, pipeline, settings
from dashboard.pages.page import Visit, poller_of
from dashboard.pages.pipeline import Sink, Stage
from dashboard.state import State
from tracker.kafka.inventory import LogDir

NEVER_SHOWN: Final = "hidden"


class Beacons(msgspec.Struct, frozen=True):
    """How many ended so, since the endpoint started."""

    outcome: str
    reason: str
    count: float


class ProbeTold(msgspec.Struct, frozen=True):
    """Records of the probe, and why the last failed; empty where none did."""

    on: bool
    sent: int
    lost: int
    failures: int
    trouble: str


class PipelineTold(msgspec.Struct, frozen=True):
    """`roles`: whether each answers."""

    roles: dict[str, bool]
    beacons: list[Beacons]
    stages: list[Stage]
    sinks: list[Sink]
    probe: ProbeTold


class BrokerSetting(msgspec.Struct, frozen=True):
    """`source` in Kafka's words."""

    name: str
    value: str
    source: str
    is_default: bool
    is_read_only: bool


class BrokerTold(msgspec.Struct, frozen=True):
    """`stored`: bytes of its partitions, where the cluster tells them."""

    id: int
    host: str
    port: int
    rack: str
    is_controller: bool
    leads: int
    holds: int
    under_replicated: int
    stored: int | None
    log_dirs: tuple[LogDir, ...]
    settings: list[BrokerSetting]


class Switch(msgspec.Struct, frozen=True):
    """One setting of [dashboard]; of a secret only whether it is set."""

    name: str
    value: str
    is_default: bool


class UserTold(msgspec.Struct, frozen=True):
    name: str
    role: str


class TokenTold(msgspec.Struct, frozen=True):
    name: str
    scopes: tuple[str, ...]
    created_at_ms: int


class SettingsTold(msgspec.Struct, frozen=True):
    """`users` and `tokens` are null for who is no administrator; `masks`: what each hides."""

    settings: list[Switch]
    clusters: list[str]
    sign_in: bool
    masks: dict[str, list[str]]
    users: list[UserTold] | None
    tokens: list[TokenTold] | None


class ApplianceApi:
    """From the roles' metrics, the snapshot and the settings; a broker is asked for its own."""

    def __init__(self, state: State) -> None:
        self._state = state

    def add_routes(self, app: web.Application) -> None:
        app.router.add_get("/api/v1/pipeline", self._pipeline)
        app.router.add_get("/api/v1/brokers/{name:[^/]*}", self._broker)
        app.router.add_get("/api/v1/settings", self._settings)

    def _visit(self, request: web.Request) -> Visit:
        name = request.match_info.get("name") or request.query.get("name", "")
        poller = poller_of(self._state, request.query)
        return Visit(self._state, poller, request.query, name, whole=True)

    async def _pipeline(self, request: web.Request) -> web.Response:
        found = await pipeline.values(self._visit(request))
        probe = found["probe"]
        return _answer(
            PipelineTold(
                roles=dict(found["roles"]),
                beacons=[Beacons(*row) for row in found["reasons"]],
                stages=found["stages"],
                sinks=found["sinks"],
                probe=ProbeTold(
                    *(probe.settings.on, probe.sent, probe.lost, probe.failures, probe.trouble)
                ),
            )
        )

    async def _broker(self, request: web.Request) -> web.Response:
        """All of its settings, defaults as well."""
        visit = self._visit(request)
        found = await broker.values(visit)
        row = found["row"]
        if row is None:
            raise web.HTTPServiceUnavailable(
                text="the cluster has not answered yet", headers={"Retry-After": "2"}
            )
        desk = visit.beside.brokers
        entries = known(await desk.settings(row.node.id).answer(math.inf))
        return _answer(
            BrokerTold(
                *(row.node.id, row.node.host, row.node.port, found["rack"], row.is_controller),
                *(row.leads, row.holds, row.under_replicated, row.stored, row.log_dirs),
                settings=[
                    BrokerSetting(
                        one.name,
                        NEVER_SHOWN if one.is_sensitive else one.value,
                        *(one.source, one.is_default, one.is_read_only),
                    )
                    for one in sorted(entries.values(), key=lambda one: one.name)
                ],
            )
        )

    async def _settings(self, request: web.Request) -> web.Response:
        found = await settings.values(self._visit(request))
        is_admin = request[WHO].role >= Role.ADMIN
        return _answer(
            SettingsTold(
                settings=[Switch(*row[:3]) for row in found["rows"]],
                clusters=[name for name, _, _ in found["watched"]],
                sign_in=found["sign_in"],
                masks={name: parts for name, _, parts in found["masks"]},
                users=[UserTold(one.name, one.role.word) for one in found["users"]]
                if is_admin
                else None,
                tokens=[
                    TokenTold(one.name, one.scopes, one.created_at_ms) for one in found["tokens"]
                ]
                if is_admin
                else None,
            )
        )


def _answer(told: msgspec.Struct) -> web.Response:
    return web.Response(body=msgspec.json.encode(told), content_type="application/json")
