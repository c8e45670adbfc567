"""Actions on connectors of a Kafka Connect worker."""

from dashboard.actions import connect_wishes as wishes
from dashboard.actions.perform import Outcome, Scene
from dashboard.connect.client import ConnectClient
from dashboard.connect.model import shown
from tracker.kafka_changes import Refused


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
    what = "what failed of it" if wish.only_failed else "it and all its tasks"
    return Outcome(f"{wish.connector}: {what} starts again.", True)


def restart_task(scene: Scene, wish: wishes.RestartTask) -> Outcome:
    _client(scene, wish.worker).restart_task(wish.connector, wish.task)
    return Outcome(f"Task {wish.task} of {wish.connector} starts again.", True)


def delete(scene: Scene, wish: wishes.OneConnector) -> Outcome:
    _client(scene, wish.worker).delete(wish.connector)
    return Outcome(f"{wish.connector} was deleted; what it wrote stays.", True)


def put(scene: Scene, wish: wishes.PutConnector) -> Outcome:
    client = _client(scene, wish.worker)
    before = client.config(wish.connector)
    after = {**before, **{key: value for key, value in wish.config.items() if value is not None}}
    for key in [key for key, value in wish.config.items() if value is None]:
        after.pop(key, None)
    if not after.get("connector.class"):
        raise Refused("connector.class is missing")
    rows = tuple(
        {
            "setting": key,
            "before": shown(key, before[key]) if key in before else "none",
            "after": shown(key, after[key]) if key in after else "none",
        }
        for key in sorted(wish.config)
    )
    kind = "changed" if before else "made"
    if wish.dry_run:
        return Outcome(f"{wish.connector} would be {kind}.", False, rows)
    client.put_config(wish.connector, after)
    return Outcome(f"{wish.connector} was {kind}.", True, rows)
