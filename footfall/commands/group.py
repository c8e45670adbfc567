"""`footfall group`: consumer groups, their members and how far behind they are."""

from rich.console import Console
from rich.table import Table

from tracker.config import KafkaConfig
from tracker.kafka.admin import LATEST, Admin
from tracker.kafka.answers import GroupDescription
from tracker.kafka.client import KafkaFailure
from tracker.topics import TopicPartition

TIMEOUT_S = 10.0


def group_lags(
    admin: Admin, group_ids: tuple[str, ...]
) -> dict[str, dict[TopicPartition, tuple[int, int]]]:
    """Committed offset and lag in records of each partition a group has committed.

    Commits are asked before the ends, so that lag is never negative.
    """
    committed = admin.committed(group_ids, TIMEOUT_S)
    places = {place for offsets in committed.values() for place in offsets}
    ends = admin.offsets(places, LATEST, TIMEOUT_S)
    return {
        group: {
            place: (offset, max(0, ends[place] - offset))
            for place, offset in sorted(offsets.items())
            if place in ends
        }
        for group, offsets in committed.items()
    }


def list_groups(kafka: KafkaConfig, console: Console) -> None:
    """One line a group."""
    admin = Admin(kafka, "footfall-group")
    admin.metadata(TIMEOUT_S)  # raises where no broker answers; a listing would be empty
    ids = admin.list_groups(TIMEOUT_S)
    if not ids:
        console.print("no consumer groups yet")
        return
    described = admin.describe_groups(ids, TIMEOUT_S)
    lags = group_lags(admin, ids)
    table = Table("group", "state", box=None)
    table.add_column("members", justify="right")
    table.add_column("lag", justify="right")
    for group_id in ids:
        group = described.get(group_id)
        state, members = (group.state, len(group.members)) if group else ("unknown", 0)
        lag = sum(behind for _, behind in lags.get(group_id, {}).values())
        table.add_row(group_id, state, str(members), f"{lag:,}")
    console.print(table)


def describe_group(kafka: KafkaConfig, group_id: str, console: Console) -> None:
    """Partition by partition: who reads it, how far, how much is left."""
    admin = Admin(kafka, "footfall-group")
    if group_id not in admin.list_groups(TIMEOUT_S):
        raise KafkaFailure(f"group {group_id} does not exist; `footfall group list` shows all")
    group = admin.describe_groups((group_id,), TIMEOUT_S).get(group_id)
    if group is None:
        raise KafkaFailure(f"the coordinator of group {group_id} does not answer; try again")
    console.print(
        f"{group_id}: {group.state}, {group.protocol} protocol, members: {len(group.members)}",
        markup=False,
    )
    readers = _readers(group)
    table = Table("topic", box=None)
    for heading in ("partition", "committed", "lag"):
        table.add_column(heading, justify="right")
    table.add_column("client")
    for place, (offset, behind) in group_lags(admin, (group_id,)).get(group_id, {}).items():
        reader = readers.get(place, "")
        table.add_row(place.topic, str(place.partition), str(offset), f"{behind:,}", reader)
    console.print(table)


def _readers(group: GroupDescription) -> dict[TopicPartition, str]:
    return {place: member.client_id for member in group.members for place in member.assignment}
