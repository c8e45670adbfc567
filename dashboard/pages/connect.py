"""Kafka Connect (/connect) and one connector (/connect/X): states, tasks, errors, settings."""

from dashboard.connect.model import Connector
from dashboard.pages.page import NotFound, Page, Values, Visit


async def list_values(visit: Visit) -> Values:
    """Every worker of the cluster's settings with its connectors; `?q=` narrows them."""
    desk = visit.state.connect[visit.poller.settings.name]
    wanted = visit.query.get("q", "")[:200]
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
    desk = visit.state.connect[visit.poller.settings.name]
    index = visit.number("worker", 0, 1_000)
    if index >= len(desk.clients):
        raise NotFound(f"There is no Connect worker {index} in the settings of this cluster.")
    answer = await desk.looks[index].answer()
    found: Values = {"answer": answer, "worker": index, "url": desk.clients[index].url}
    if answer.value is None:
        return found | {"connector": None}
    return found | {"connector": named(answer.value.connectors, visit.name)}


def named(connectors: tuple[Connector, ...], name: str) -> Connector:
    for connector in connectors:
        if connector.name == name:
            return connector
    raise NotFound(f"There is no connector {name!r} at this worker.")


LIST = Page("Connect", "/connect", "connect.html", list_values, nav="cluster")
CONNECTOR = Page("Connector", "/connect/", "connector.html", connector_values, nav="cluster")
