"""The OpenAPI document of the JSON API. A test asks every path of it."""

from collections.abc import Mapping
from typing import Any, Final

import msgspec

from dashboard.actions.catalogue import ACTIONS, Action
from dashboard.actions.commands import COMMANDS, Command
from dashboard.api.shapes import SHAPES
from dashboard.api.thinning import POINTS_MAX, POINTS_MIN

_CLUSTER: Final = {
    "name": "cluster",
    "in": "query",
    "description": "Name of a cluster of the settings; without it the first.",
    "schema": {"type": "string"},
}
_NAME: Final = {"name": "name", "in": "path", "required": True, "schema": {"type": "string"}}
_SERIES: Final = {
    "name": "s",
    "in": "query",
    "required": True,
    "description": (
        "Series, repeated up to 20 times: cluster.in, cluster.lag_seconds, topic.in:TOPIC, "
        "group.lag:GROUP (share groups, too), group.seconds:GROUP, group.out:GROUP."
    ),
    "schema": {"type": "array", "items": {"type": "string"}},
}
_RANGE: Final = {
    "name": "range",
    "in": "query",
    "schema": {"type": "string", "enum": ["5m", "1h", "6h", "24h", "7d"], "default": "1h"},
}


def _text(name: str, description: str) -> dict[str, Any]:
    return {"name": name, "in": "query", "description": description, "schema": {"type": "string"}}


def _time(name: str, description: str) -> dict[str, Any]:
    schema = {"type": "string", "format": "date-time or milliseconds"}
    return {"name": name, "in": "query", "description": description, "schema": schema}


def _number(name: str, description: str, low: int = 0, high: int | None = None) -> dict[str, Any]:
    bounds = {"minimum": low} | ({} if high is None else {"maximum": high})
    schema = {"type": "integer", **bounds}
    return {"name": name, "in": "query", "description": description, "schema": schema}


def _switch(name: str, description: str) -> dict[str, Any]:
    schema = {"type": "string", "enum": ["1"]}
    return {"name": name, "in": "query", "description": description, "schema": schema}


_ACTIVITY: Final = (
    _text("site", "A site; without it the first."),
    _text(
        "period",
        "30m, today, yesterday, 24h, 7d, 30d, month, lastmonth, year, 12mo or all; UTC.",
    ),
    _text("from", "First day, YYYY-MM-DD; goes before period."),
    _text("to", "Last day, included."),
    _text("compare", "off: without the time before; year: with that of 52 weeks before."),
    _text("vital", "Whose worst pages are told: lcp, inp, cls, fcp or ttfb."),
    _text("funnel", "Steps in order, such as / > /pricing* > Signup."),
    _text("is.country", "Only visitors who have it; also is.page, is.entry_page, is.prop.NAME ..."),
    _text("not.country", "Only visitors who never have it; also not.page ..."),
    _text("figure", "visits, bounces or length: tells visits over time as well."),
    _text("pages", "reading: tells how long pages are in view, and how far down, as well."),
)

_MESSAGES: Final = (
    _number("partition", "One partition; without it all."),
    _number("offset", "Read from this offset on."),
    _time("since", "Or from this time on: 2026-11-22T14:02 in UTC, or milliseconds since 1970."),
    _text("q", "Text in key, value or a header, any case."),
    _text("field", "A field of JSON values, dotted."),
    _text("equals", "What that field holds."),
    _text(
        "filter",
        "An expression in CEL, such as record.value.amount > 10 && record.headers.kind == 'paid'; "
        "over record.key, keyAsText, value, valueAsText, headers, partition, offset, timestampMs.",
    ),
    _number("rows", "At most so many rows, up to 200.", 1, 200),
)

_SOME: Final = (
    _text("q", "Only those with this text in their name."),
    _number("limit", "At most so many."),
)
_LIST: Final = (
    _text("q", "Only rows with this text."),
    _text("sort", "A column; a leading - turns it round."),
)
_ACLS: Final = (
    _text("q", "Only entries with this text in principal, name or operation."),
    _text("principal", "Only of this principal."),
    _text("resource", "Only of this kind: TOPIC, GROUP, CLUSTER ..."),
)

_POINTS: Final = _number(
    "points",
    "At most about so many, each the mean of what falls into it, of lag the worst; else all.",
    *(POINTS_MIN, POINTS_MAX),
)

_PATHS: Final[tuple[tuple[str, str, tuple[dict[str, Any], ...]], ...]] = (
    ("/health", "Verdict, problems and whether the cluster answers.", (_CLUSTER,)),
    ("/clusters", "Clusters of the settings, each with its verdict.", ()),
    ("/cluster", "Brokers, controller and how much there is.", (_CLUSTER,)),
    ("/topics", "All topics.", (_CLUSTER, *_SOME)),
    ("/topics/{name}", "One topic with its partitions and settings.", (_NAME, _CLUSTER)),
    (
        "/topics/{name}/messages",
        "Records, with how many were scanned and why it stopped.",
        (_NAME, _CLUSTER, *_MESSAGES),
    ),
    *(
        (
            f"/topics/{{name}}/messages.{form}",
            f"The same as a {form.upper()} file, oldest first; its end says what was looked at.",
            (_NAME, _CLUSTER, *_MESSAGES[:-1], _number("rows", "At most so many.", 1, 10_000)),
        )
        for form in ("csv", "json")
    ),
    (
        "/topics/{name}/tail",
        "Records as they arrive, as server-sent events: at most 200 a second, for ten minutes.",
        (_NAME, _CLUSTER, *_MESSAGES[0:1], *_MESSAGES[3:7]),
    ),
    ("/groups", "All consumer groups with state, cause and lag.", (_CLUSTER, *_SOME)),
    (
        "/groups/{name}",
        "One group: members and every partition; of a share group what is in flight, if told.",
        (_NAME, _CLUSTER),
    ),
    (
        "/topics.csv",
        "The page of topics as CSV, with all its rows.",
        (_CLUSTER, *_LIST, _switch("internal", "Internal ones as well.")),
    ),
    ("/groups.csv", "The page of groups as CSV, with all its rows.", (_CLUSTER, *_LIST)),
    ("/topics/{name}/partitions.csv", "Partitions of one topic as CSV.", (_NAME, _CLUSTER)),
    ("/acls", "Access control entries.", (_CLUSTER, *_ACLS)),
    ("/acls.csv", "The same as CSV, with what each means.", (_CLUSTER, *_ACLS)),
    ("/scram-users", "SCRAM users with their mechanisms and iterations.", (_CLUSTER,)),
    ("/quotas", "Quotas of clients; a name of null is the default.", (_CLUSTER,)),
    ("/audit", "What was changed through the dashboard.", (_text("q", "With this text."),)),
    (
        "/copies",
        "Copies of records, of all clusters, the newest first: state, how far, and how they ended.",
        (),
    ),
    (
        "/transactions",
        "Transactions by their ids, and partitions in which readers of committed records wait.",
        (
            *(_CLUSTER, _text("q", "Only ids and topics with this text.")),
            _text("only", "open: only those that are open."),
        ),
    ),
    (
        "/brokers/{name}",
        "One broker by its id: what it holds, log directories, all settings and their source.",
        (_NAME, _CLUSTER),
    ),
    ("/pipeline", "Beacons by reason, age of events at each stage, sinks, probe.", ()),
    ("/settings", "Switches, clusters, masks; for administrators users and tokens.", ()),
    ("/connectors", "Kafka Connect: workers, connectors, tasks; secrets hidden.", (_CLUSTER,)),
    (
        "/connectors/{name}/offsets",
        "Where a connector stands, in its own words; 1000 places at most, and how many there are.",
        (_NAME, _CLUSTER, _number("worker", "Its worker, counted from 0 as in /connectors.")),
    ),
    (
        "/connect-workers/{name}",
        "Plugins and loggers of the Connect worker with that number, counted from 0.",
        (_NAME, _CLUSTER, _text("q", "Only loggers with this text in their name.")),
    ),
    (
        "/subjects",
        "The schema registry: level, mode, contexts, every subject with the topic of its name.",
        (
            *(_CLUSTER, *_LIST, _switch("deleted", "Those that were deleted softly as well.")),
            _text("context", "Only those of one context; . is the default one."),
        ),
    ),
    (
        "/subjects/{name}",
        "A subject: versions, level, mode, and one schema with its references.",
        (
            *(_NAME, _CLUSTER, _number("version", "One version; without it the newest.", 1)),
            _switch("deleted", "Also a version that was deleted softly."),
        ),
    ),
    (
        "/history",
        "Values over time; null where nothing was seen.",
        (_SERIES, _RANGE, _POINTS, _CLUSTER),
    ),
    (
        "/activity",
        "Visitors, page views, breakdowns, a funnel, web vitals, own metrics and bots of one site.",
        _ACTIVITY,
    ),
    (
        "/activity.csv",
        "One breakdown or, without dimension, the time series as CSV.",
        (*_ACTIVITY, _text("dimension", "page, entry_page, reading, source, country, os ...")),
    ),
    ("/sites", "Sites that have been seen.", ()),
    (
        "/alerts",
        "Alerts that fire, may fire and are over, the newest first; silences; how many of each.",
        (
            _text("q", "Only those with this text in name, sentence or labels."),
            _number("limit", "At most so many of each list; 0 or none: all."),
            _number("page", "Which page of them, from 1 on.", 1),
        ),
    ),
    ("/actions", "What you may change, why not where not, and your CSRF token.", ()),
    ("/openapi.json", "This document.", ()),
)


def _shape(path: str) -> dict[str, Any]:
    """The JSON schema of an answer; one without a shape may be anything."""
    if path not in SHAPES:
        return {}
    (schema,), components = msgspec.json.schema_components([SHAPES[path]], ref_template="{name}")
    found: dict[str, Any] = _resolved(schema, components)
    return found


def _resolved(schema: Any, components: Mapping[str, Any]) -> Any:
    """Without references: programs that read one path need not look elsewhere."""
    if isinstance(schema, list):
        return [_resolved(one, components) for one in schema]
    if not isinstance(schema, dict):
        return schema
    if "$ref" in schema:
        return _resolved(components[schema["$ref"]], components)
    return {key: _resolved(one, components) for key, one in schema.items()}


def document() -> dict[str, Any]:
    """OpenAPI 3.1."""
    return {
        "openapi": "3.1.0",
        "info": {"title": "Footfall dashboard", "version": "1"},
        "servers": [{"url": "/api/v1"}],
        "paths": _actions()
        | {
            path: {
                "get": {
                    "summary": summary,
                    "parameters": [_may_be_empty(one) for one in parameters],
                    "responses": {
                        "200": {
                            "description": "As asked.",
                            "content": {_media(path): {"schema": _shape(path)}},
                        },
                        "400": {"description": "A parameter cannot be; `error` says why."},
                        "401": {"description": "Sign in, or send a token."},
                        "403": {"description": "Switched off, or not allowed."},
                        "404": {"description": "Not there; `error` says what."},
                        "409": {"description": "The cluster refuses to tell; `error` says why."},
                        "503": {"description": "Not known yet; try again."},
                    },
                }
            }
            for path, summary, parameters in _PATHS
        },
    }


def _may_be_empty(parameter: dict[str, Any]) -> dict[str, Any]:
    """A form sends what was not filled in, and that is as if it were not there."""
    is_query = parameter["in"] == "query" and not parameter.get("required")
    return parameter | ({"allowEmptyValue": True} if is_query else {})


def _media(path: str) -> str:
    if path.endswith(".csv"):
        return "text/csv"
    return "text/event-stream" if path.endswith("/tail") else "application/json"


def _actions() -> dict[str, Any]:
    """POST /actions/<name> of every action, its body from its struct."""
    changes: tuple[Action | Command, ...] = (*ACTIONS, *COMMANDS)
    (*schemas,), components = msgspec.json.schema_components([change.wish for change in changes])
    described = {
        f"/actions/{change.name}": {
            "post": {
                "summary": change.summary,
                "description": f"Needs the role {change.role.word}. A cookie needs X-CSRF-Token "
                "as well (GET /actions tells it); a bearer token does not.",
                "parameters": [_CLUSTER],
                "requestBody": {
                    "required": True,
                    "content": {"application/json": {"schema": _inlined(schema, components)}},
                },
                "responses": {
                    "200": {"description": "`sentence` says what was done, `rows` for each part."},
                    "400": {"description": "The body does not fit."},
                    "403": {"description": "Switched off, or the role does not allow it."},
                    "409": {"description": "Refused by us or by the cluster; `error` says why."},
                    "503": {"description": "No answer from the cluster."},
                },
            }
        }
        for change, schema in zip(changes, schemas, strict=True)
    }
    return described


def _inlined(schema: dict[str, Any], components: dict[str, Any]) -> dict[str, Any]:
    """The struct's schema itself instead of a reference to it."""
    found: dict[str, Any] = components[schema["$ref"].rpartition("/")[2]]
    return found
