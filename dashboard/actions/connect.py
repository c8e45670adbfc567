"""Actions on connectors of a Kafka Connect worker."""

import json
from collections.abc import Collection, Mapping
from typing import Any

from dashboard.actions import connect_wishes as wishes
from dashboard.actions.perform import Outcome, Scene
from dashboard.connect.client import ConnectClient
from dashboard.connect.details import Place
from dashboard.connect.model import shown
from dashboard.text import plural
from tracker.kafka.changes import Refused

Wrong = Mapping[str, str]
"""What a worker finds wrong, by setting."""


def _client(scene: Scene, worker: int) -> ConnectClient:
    if worker >= len(scene.connect):
        raise Refused(f"there is no Connect worker {worker} in the settings of this cluster")
    return scene.connect[worker]


def pause(scene: Scene, wish: wishes.OneConnector) -> Outcome:
    _client(scene, wish.worker).steer(wish.connector, "pause")
    return Outcome(f"{wish.connector} pauses: its tasks stay, and do nothing.", True)


def resume(scene: Scene, wish: wishes.OneConnector) -> Outcome:
    _client(scene, wish.worker).steer(wish.connector, "resume")
    return Outcome(f"{wish.connector} goes on.", True)


def stop(scene: Scene, wish: wishes.OneConnector) -> Outcome:
    _client(scene, wish.worker).steer(wish.connector, "stop")
    return Outcome(f"{wish.connector} stops: its tasks end, its offsets stay.", True)


def restart(scene: Scene, wish: wishes.RestartConnector) -> Outcome:
    _client(scene, wish.worker).restart(wish.connector, wish.only_failed)
    what = "what failed of it starts" if wish.only_failed else "it and all its tasks start"
    return Outcome(f"{wish.connector}: {what} again.", True)


def restart_task(scene: Scene, wish: wishes.RestartTask) -> Outcome:
    _client(scene, wish.worker).restart_task(wish.connector, wish.task)
    return Outcome(f"Task {wish.task} of {wish.connector} starts again.", True)


def delete(scene: Scene, wish: wishes.OneConnector) -> Outcome:
    _client(scene, wish.worker).delete(wish.connector)
    return Outcome(f"{wish.connector} was deleted; what it wrote stays.", True)


def put(scene: Scene, wish: wishes.PutConnector) -> Outcome:
    client = _client(scene, wish.worker)
    before = client.config(wish.connector)
    named = {**before, **wish.config}
    after = {key: value for key, value in named.items() if value is not None}
    if not after.get("connector.class"):
        raise Refused("connector.class is missing")
    wrong = client.validate({**after, "name": wish.connector}) if wish.dry_run else {}
    rows = _rows(before, after, wish.config, wrong)
    kind = "changed" if before else "made"
    if wish.dry_run and wrong:
        said = f"{wish.connector} would be refused: {plural(len(wrong), 'setting')} wrong."
        return Outcome(said, False, rows)
    if wish.dry_run:
        said = f"{wish.connector} would be {kind}; the worker finds its settings right."
        return Outcome(said, False, rows)
    client.put_config(wish.connector, after)
    return Outcome(f"{wish.connector} was {kind}.", True, rows)


def _rows(
    before: Mapping[str, str],
    after: Mapping[str, str],
    keys: Collection[str],
    wrong: Mapping[str, str],
) -> tuple[dict[str, str], ...]:
    """Each setting that changes or is wrong; that none is wrong needs no column."""
    rows = []
    for key in sorted(keys):
        row = {"setting": key}
        for name, config in (("before", before), ("after", after)):
            row[name] = shown(key, config[key]) if key in config else "none"
        if wrong:
            row["wrong"] = wrong.get(key, "")
        rows.append(row)
    return tuple(rows)


def alter_offsets(scene: Scene, wish: wishes.AlterConnectorOffsets) -> Outcome:
    client = _client(scene, wish.worker)
    before = {_key(one.partition): one.offset for one in client.offsets(wish.connector).places}
    rows = tuple(
        {
            "partition": _key(one.partition),
            "before": _told(before.get(_key(one.partition))),
            "after": _told(one.offset),
        }
        for one in wish.offsets
    )
    many = plural(len(rows), "offset")
    if wish.dry_run:
        said = f"{many} of {wish.connector} would change.{_in_the_way(client, wish.connector)}"
        return Outcome(said, False, rows)
    told = client.alter_offsets(
        wish.connector, [Place(one.partition, one.offset) for one in wish.offsets]
    )
    return Outcome(f"{many} of {wish.connector} changed. {told}".strip(), True, rows)


def reset_offsets(scene: Scene, wish: wishes.ResetConnectorOffsets) -> Outcome:
    client = _client(scene, wish.worker)
    found = client.offsets(wish.connector)
    rows = tuple(
        {"partition": _key(one.partition), "before": _told(one.offset), "after": "none"}
        for one in found.places
    )
    if wish.dry_run:
        way = _in_the_way(client, wish.connector)
        said = (
            f"{wish.connector} would forget {plural(found.total, 'offset')}, and begin anew.{way}"
        )
        return Outcome(said, False, rows)
    told = client.reset_offsets(wish.connector)
    return Outcome(f"{wish.connector} starts over. {told}".strip(), True, rows)


def set_logger(scene: Scene, wish: wishes.SetConnectLogger) -> Outcome:
    _client(scene, wish.worker).set_logger(wish.logger, wish.level)
    said = f"Logger {wish.logger} has the level {wish.level} on every worker, until they restart."
    return Outcome(said, True)


def _key(partition: Mapping[str, Any]) -> str:
    """A partition in the connector's own words, the same for the same one."""
    return json.dumps(partition, sort_keys=True, ensure_ascii=False)


def _told(offset: Mapping[str, Any] | None) -> str:
    return "none" if offset is None else json.dumps(offset, sort_keys=True, ensure_ascii=False)


def _in_the_way(client: ConnectClient, name: str) -> str:
    state = next((one.state for one in client.look().connectors if one.name == name), "")
    return "" if state == "STOPPED" else f" It is {state or 'not there'}: stop it first."
