"""Consumer groups (/groups) and one group (/groups/X) with lag in records and in seconds."""

from dashboard.cluster.model import Group, GroupState
from dashboard.cluster.verdict import SEVERITY
from dashboard.pages.page import NotFound, Page, Values, Visit, table


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
        "members": lambda g: len(g.members),
        "retention": lambda g: g.at_risk or 0.0,
    }

    return {"table": table(visit, rows, sorts, _text), "hide": hide, "hidden": hidden}


def _text(group: Group) -> str:
    return f"{group.group_id} {' '.join(group.topics)}"


async def group_values(visit: Visit) -> Values:
    """One group: verdict and cause, members, each partition."""
    snapshot = visit.snapshot
    if snapshot is None:
        return {"group": None, "catches_up_s": None, "orphans": 0}
    group = snapshot.groups.get(visit.name)
    if group is None:
        raise NotFound(f"There is no consumer group {visit.name!r} in this cluster.")
    catches_up_s = None
    if group.lag and group.consume_rate is not None and group.produce_rate is not None:
        gain = group.consume_rate - group.produce_rate
        catches_up_s = group.lag / gain if gain > 0 else None
    orphans = sum(part.state is GroupState.ORPHANED for part in group.partitions)
    return {"group": group, "catches_up_s": catches_up_s, "orphans": orphans}


LIST = Page("Consumer groups", "/groups", "groups.html", list_values, nav="groups")
GROUP = Page("Consumer group", "/groups/", "group.html", group_values, nav="groups")
