"""The OpenAPI document of the JSON API. A test asks every path of it."""

from collections.abc import Mapping
from functools import cache
from typing import Any, Final

from dashboard.actions.catalogue import ACTIONS, Action
from dashboard.actions.commands import COMMANDS, Command
from dashboard.activity.filters import FILTERS_MAX, VALUES_MAX
from dashboard.activity.interval import Interval
from dashboard.activity.period import PERIODS
from dashboard.api.shapes.answers import SHAPES
from dashboard.api.shapes.changes import Done, Refusal
from dashboard.api.shapes.schema import schema_of_answer, schema_of_body
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


def _day(name: str, description: str) -> dict[str, Any]:
    schema = {"type": "string", "format": "date"}
    return {"name": name, "in": "query", "description": description, "schema": schema}


def _one_of(name: str, description: str, words: tuple[str, ...]) -> dict[str, Any]:
    schema = {"type": "string", "enum": list(words)}
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
    _one_of("period", "A period, in UTC.", tuple(key for key, _ in PERIODS)),
    _day("from", "First day, YYYY-MM-DD in UTC; goes before period."),
    _day("to", "Last day, included."),
    _one_of(
        "interval",
        "What one point of the time series stands for, as far as the period allows: minute up to "
        "25 hours, hour up to 62 days; at least two of them. Weeks begin on Mondays.",
        tuple(Interval),
    ),
    _one_of(
        "compare",
        "off: without the time before; year: with that of 52 weeks before.",
        ("off", "year"),
    ),
    _day("compare_from", "First day of a time of your own to compare with; goes before compare."),
    _day("compare_to", "Its last day, included."),
    _text("vital", "Whose worst pages are told: lcp, inp, cls, fcp or ttfb."),
    _text("funnel", "Steps in order, such as / > /pricing* > Signup."),
    _text(
        "is.country",
        "Only visitors who have it, or one of several: DE|FR; also is.page, is.entry_page, "
        f"is.prop.NAME ... At most {FILTERS_MAX} filters of {VALUES_MAX} values; \\| is a | that "
        "is meant.",
    ),
    _text("not.country", "Only visitors who never have it, or none of several; also not.page ..."),
    _text("contains.page", "Only visitors who have this in a value; A to Z are as good as a to z."),
    _text("lacks.page", "Only visitors who never have this in a value."),
    _text("figure", "visits, bounces or length: tells visits over time as well."),
    _text("pages", "reading: tells how long pages are in view, and how far down, as well."),
)

_MESSAGES: Final = (
    _number("partition", "One partition; without it all."),
    _number("offset", "Read from this offset on."),
    _time("since", "Or from this time on: 2026-11-22T14:02 in UTC, or milliseconds since 1970."),
    _text("q", "Text in key, value or a header, any case."),
    _text(
        "field",
        "A field of JSON values, dotted; a number is a place in a list, from 0: `items.0.sku`.",
    ),
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
    (
        "/activity.zip",
        "All lists of the page as CSV, each with up to 10,000 rows, and about.csv: what was asked.",
        _ACTIVITY,
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


_JSON: Final = "application/json"
_FILES: Final = {  # by how their paths end
    ".csv": "text/csv",
    ".zip": "application/zip",
    "/tail": "text/event-stream",
}
_REFUSED: Final = {
    "400": "A parameter cannot be.",
    "401": "Sign in, or send a token.",
    "403": "Switched off, or not allowed.",
    "404": "Not there.",
    "409": "The cluster refuses to tell.",
    "421": "The host name that was asked is not that of the dashboard.",
    "503": "Not known yet, or the cluster does not answer; try again.",
}
_NOT_DONE: Final = _REFUSED | {
    "400": "The body does not fit.",
    "403": "Switched off, or the role or a rule does not allow it.",
    "409": "Refused by us or by the cluster.",
    "413": "The body is larger than 1 MiB.",
    "415": "The body is not application/json.",
    "503": "No answer from the cluster.",
}


@cache
def document() -> dict[str, Any]:
    """OpenAPI 3.1; the same one to everybody, so nobody changes it."""
    return {
        "openapi": "3.1.0",
        "info": {"title": "Footfall dashboard", "version": "1"},
        "servers": [{"url": "/api/v1"}],
        "components": {"responses": _refused("Refused", _REFUSED) | _refused("NotDone", _NOT_DONE)},
        "paths": _actions()
        | {path: {"get": _reading(path, about, query)} for path, about, query in _PATHS},
    }


def _reading(path: str, summary: str, parameters: tuple[dict[str, Any], ...]) -> dict[str, Any]:
    found: dict[str, Any] = {"200": {"description": "As asked.", "content": _content(path)}}
    return {
        "summary": summary,
        "parameters": [_may_be_empty(one) for one in parameters],
        "responses": found | _refusals("Refused", _REFUSED),
    }


def _may_be_empty(parameter: dict[str, Any]) -> dict[str, Any]:
    """A form sends what was not filled in, and that is as if it were not there."""
    is_query = parameter["in"] == "query" and not parameter.get("required")
    return parameter | ({"allowEmptyValue": True} if is_query else {})


def _content(path: str) -> dict[str, Any]:
    """The answer's media type and shape."""
    for end, media in _FILES.items():
        if path.endswith(end):
            return {media: {"schema": {"type": "string"}}}
    return {_JSON: {"schema": schema_of_answer(*SHAPES[path])}}


def _refusals(kind: str, whys: Mapping[str, str]) -> dict[str, Any]:
    """Of every path the same, so they stand in one place."""
    return {status: {"$ref": f"#/components/responses/{kind}{status}"} for status in whys}


def _refused(kind: str, whys: Mapping[str, str]) -> dict[str, Any]:
    """That place: all of one shape."""
    content = {_JSON: {"schema": schema_of_answer(Refusal)}}
    return {
        f"{kind}{status}": {"description": f"{why} `error` says more.", "content": content}
        for status, why in whys.items()
    }


def _actions() -> dict[str, Any]:
    """POST /actions/<name> of every action, its body from its struct."""
    changes: tuple[Action | Command, ...] = (*ACTIONS, *COMMANDS)
    done: dict[str, Any] = {
        "description": "Done, or in a dry run what would be done.",
        "content": {_JSON: {"schema": schema_of_answer(Done)}},
    }
    return {
        f"/actions/{change.name}": {
            "post": {
                "summary": change.summary,
                "description": f"Needs the role {change.role.word}. A cookie needs X-CSRF-Token "
                "as well (GET /actions tells it); a bearer token does not.",
                "parameters": [_CLUSTER],
                "requestBody": {
                    "required": True,
                    "content": {_JSON: {"schema": schema_of_body(change.wish)}},
                },
                "responses": {"200": done, **_refusals("NotDone", _NOT_DONE)},
            }
        }
        for change in changes
    }
