"""Kafka Connect (/connect) and one connector (/connect/X): states, tasks, errors, settings."""

import json
from collections.abc import Mapping
from typing import Any, Final

from dashboard.asked import Answer
from dashboard.connect.details import Offsets
from dashboard.connect.model import Connector
from dashboard.pages.page import FILTER_MAX, NotFound, Page, Values, Visit

LOGGERS_SHOWN: Final = 200
LEVELS: Final = ("TRACE", "DEBUG", "INFO", "WARN", "ERROR", "FATAL", "OFF")


async def list_values(visit: Visit) -> Values:
    """Every worker of the cluster's settings with its connectors; `?q=` narrows them."""
    desk = visit.beside.connect
    wanted = visit.query.get("q", "")[:FILTER_MAX]
    found = []
    for client, look in zip(desk.clients, desk.looks, strict=True):
        answer = await look.answer()
        rows = [
            connector
            for connector in (answer.value.connectors if answer.value is not None else ())
            if wanted.lower() in connector.name.lower()
        ]
        order = ("critical", "warning", "plain", "ok")
        rows.sort(key=lambda connector: (order.index(connector.severity), connector.name))
        found.append((client.url, answer, rows))
    return {"workers": found, "wanted": wanted}


async def connector_values(visit: Visit) -> Values:
    """One connector of the worker `?worker=`, counted from 0."""
    desk = visit.beside.connect
    index = visit.number("worker", 0, 1_000)
    if index >= len(desk.clients):
        raise NotFound(f"There is no Connect worker {index} in the settings of this cluster.")
    answer = await desk.looks[index].answer()
    found: Values = {"answer": answer, "worker": index, "url": desk.clients[index].url}
    if answer.value is None:
        return found | {"connector": None, "offsets": Answer()}
    connector = named(answer.value.connectors, visit.name)
    offsets = await desk.offsets(index, connector.name).answer()
    return found | {
        "connector": connector,
        "offsets": offsets,
        "offsets_example": example(connector.kind, offsets.value),
    }


async def worker_values(visit: Visit) -> Values:
    """Plugins and loggers of the worker with that number."""
    desk = visit.beside.connect
    is_number = visit.name.isascii() and visit.name.isdigit() and len(visit.name) < 10
    index = int(visit.name) if is_number else -1
    if not 0 <= index < len(desk.clients):
        raise NotFound(
            f"There is no Connect worker {visit.name!r} in the settings of this cluster."
        )
    answer = await desk.details[index].answer()
    wanted = visit.query.get("q", "")[:FILTER_MAX]
    levels = answer.value.loggers if answer.value is not None else ()
    return {
        "answer": answer,
        "worker": index,
        "url": desk.clients[index].url,
        "wanted": wanted,
        "loggers": [row for row in levels if wanted.lower() in row[0].lower()][:LOGGERS_SHOWN],
        "levels": LEVELS,
    }


def example(kind: str, told: Offsets | None) -> str:
    """The first offset in the form that changing takes: people change the number alone."""
    partition: Mapping[str, Any] = {"kafka_topic": "TOPIC", "kafka_partition": 0}
    offset: Mapping[str, Any] | None = {"kafka_offset": 0}
    if told is not None and told.places:
        partition, offset = told.places[0].partition, told.places[0].offset
    elif kind != "sink":
        partition, offset = {}, {}
    return json.dumps([{"partition": partition, "offset": offset}], ensure_ascii=False)


def named(connectors: tuple[Connector, ...], name: str) -> Connector:
    for connector in connectors:
        if connector.name == name:
            return connector
    raise NotFound(f"There is no connector {name!r} at this worker.")


LIST = Page("Connect", "/connect", "connect.html", list_values, nav="cluster")
WORKER = Page(
    "Connect worker", "/connect-workers/", "connect_worker.html", worker_values, nav="cluster"
)
CONNECTOR = Page("Connector", "/connect/", "connector.html", connector_values, nav="cluster")
