"""Consumer groups (/groups) and one group (/groups/X) with lag in records and in seconds."""

from collections import Counter
from dataclasses import dataclass

from dashboard.cluster.model import Group, GroupPartition, GroupState, Snapshot
from dashboard.cluster.share_deliveries import Deliveries
from dashboard.cluster.verdict import SEVERITY
from dashboard.pages.page import NotFound, Page, Values, Visit, sheet, table
from tracker.kafka.groups import ShareGroup
from tracker.topics import TopicPartition

STRIP_CELLS_MAX = 1_000
FEW_PARTITIONS = 20  # are found without a filter
ID_END = 6  # letters of a member's id
KEEPS_PACE_S = 10.0  # a group less behind is not on its way to anywhere


async def list_values(visit: Visit) -> Values:
    """All groups; `?hide=empty` leaves out those with no members that are caught up."""
    snapshot = visit.snapshot
    hide = visit.query.get("hide") == "empty"
    rows = list(snapshot.groups.values()) if snapshot is not None else []
    hidden = 0
    if hide:
        kept = [group for group in rows if group.members or group.lag]
        hidden, rows = len(rows) - len(kept), kept
    sorts = {
        "state": lambda g: (SEVERITY.index(g.state), -(g.lag_seconds or 0.0), g.group_id),
        "name": lambda g: g.group_id,
        "seconds": lambda g: g.lag_seconds or 0.0,
        "lag": lambda g: g.lag,
        "trend": lambda g: -(gain(g) or 0.0),
        "members": lambda g: len(g.members),
        "retention": lambda g: g.at_risk or 0.0,
    }

    found = table(visit, rows, sorts, _text)
    shares = snapshot.share_groups if snapshot is not None else ()
    fitting = [one for one in shares if found.filter.lower() in _text(one).lower()]
    return {
        "table": found,
        "hide": hide,
        "hidden": hidden,
        "shares": sheet(visit, fitting, "shares"),
    }


def _text(group: Group | ShareGroup) -> str:
    return f"{group.group_id} {' '.join(group.topics)}"


async def group_values(visit: Visit) -> Values:
    """One group: verdict and cause, members, each partition."""
    snapshot = visit.snapshot
    if snapshot is None:
        return {"group": None, "share": None, "catches_up_s": None, "orphans": 0, "strips": []}
    if visit.name not in snapshot.groups:
        return await _share_values(visit, snapshot)
    group = snapshot.groups[visit.name]
    names = member_names(group)

    def reader(part: GroupPartition) -> str:
        if part.member is None:
            return "nobody"
        return names.get(part.member.member_id, part.member.client_id)

    def text(part: GroupPartition) -> str:
        return f"{part.topic}-{part.partition} {part.state} {reader(part)}"

    sorts = {
        "place": lambda part: (part.topic, part.partition),
        "state": lambda part: (SEVERITY.index(part.state), -(part.lag_seconds or 0.0)),
        "seconds": lambda part: part.lag_seconds or 0.0,
        "lag": lambda part: part.lag or 0,
        "committed": lambda part: -1 if part.committed is None else part.committed,
        "end": lambda part: part.end or 0,
        "member": reader,
    }
    return {
        "group": group,
        "table": table(visit, list(group.partitions), sorts, text),
        "few": FEW_PARTITIONS,
        "reader": reader,
        "share": None,
        "catches_up_s": catches_up_s(group),
        "orphans": sum(part.state is GroupState.ORPHANED for part in group.partitions),
        "strips": strips(group),
    }


async def _share_values(visit: Visit, snapshot: Snapshot) -> Values:
    """One share group: owners and deliveries."""
    share = next((one for one in snapshot.share_groups if one.group_id == visit.name), None)
    if share is None:
        raise NotFound(f"There is no consumer group {visit.name!r} in this cluster.")
    told = await delivered(visit, share)
    return {"group": None, "share": share, "owners": owners(share), "delivered": told}


def member_names(group: Group) -> dict[str, str]:
    """Member id -> what people know the member by; the ends of the ids tell namesakes apart."""
    names = {one.member_id: one.instance_id or one.client_id for one in group.members}
    times = Counter(names.values())
    return {
        key: name if times[name] == 1 else f"{name} …{key[-ID_END:]}" for key, name in names.items()
    }


def owners(share: ShareGroup) -> dict[TopicPartition, int]:
    """How many members of a share group read each partition."""
    found: dict[TopicPartition, int] = {}
    for member in share.members:
        for place in member.assignment:
            found[place] = found.get(place, 0) + 1
    return found


async def delivered(visit: Visit, share: ShareGroup) -> Deliveries | None:
    """Of the partitions whose starts are shown; None where the broker is not ours, or silent."""
    desk = visit.state.deliveries
    if desk is None or not visit.state.is_first(visit.poller):
        return None
    told = await desk.of(share.group_id)
    return {at: told[at] for at in share.starts or () if at in told} if told is not None else None


def gain(group: Group) -> float | None:
    """Records a second that it reads beyond those that arrive; below 0: it falls behind."""
    if group.consume_rate is None or group.produce_rate is None:
        return None
    return group.consume_rate - group.produce_rate


def catches_up_s(group: Group) -> float | None:
    """Seconds until nothing waits, at this pace; None where it falls behind, or keeps pace."""
    gained = gain(group)
    if not gained or gained < 0 or (group.lag_seconds or 0) < KEEPS_PACE_S:
        return None
    return group.lag / gained


@dataclass(frozen=True, slots=True)
class Cell:
    """One partition in the strip of its member; level 0 (caught up) to 4 (the furthest)."""

    part: GroupPartition
    level: int


def strips(group: Group) -> list[tuple[str, list[Cell]]]:
    """Member, and how far it is behind in each partition it has; those of nobody come last."""
    worst = max((part.lag or 0 for part in group.counted), default=0)
    rows: dict[str, list[Cell]] = {}
    for part in group.counted[:STRIP_CELLS_MAX]:
        member = part.member
        name = member.member_id if member is not None else ""
        level = -(-4 * (part.lag or 0) // worst) if worst else 0
        rows.setdefault(name, []).append(Cell(part, level))
    names = member_names(group)
    found = [(names.get(name, name), cells) for name, cells in rows.items() if name]
    return found + ([("nobody", rows[""])] if "" in rows else [])


LIST = Page("Consumer groups", "/groups", "groups.html", list_values, nav="groups")
GROUP = Page("Consumer group", "/groups/", "group.html", group_values, nav="groups")
