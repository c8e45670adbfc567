"""Actions on share groups: where they go on, what they forget."""

from dashboard.actions import wishes
from dashboard.actions.perform import Outcome, Scene, parts_of, targets
from dashboard.text import plural
from tracker.kafka.changes import Refused
from tracker.kafka.groups import ShareGroup
from tracker.topics import TopicPartition


def reset_offsets(scene: Scene, wish: wishes.ResetShareOffsets) -> Outcome:
    """Bounded to what the log holds; a group with members is refused before anything is asked."""
    group = _group(scene, wish.group)
    if group.members and not wish.dry_run:
        raise Refused(_in_the_way(group).strip())
    starts = _starts(group, wish.topic)
    parts = parts_of(scene, wish.topic, wish.partition)
    found = targets(scene, wish, parts, starts)
    rows = tuple(
        {
            "partition": part.index,
            "before": starts.get(part.index),
            "after": found[part.index],
            "records": (part.end or 0) - found[part.index],
        }
        for part in parts
    )
    if wish.dry_run:
        said = f"Share group {wish.group} would go on from these offsets of {wish.topic}."
        return Outcome(said + _in_the_way(group), False, rows)
    scene.cluster.set_share_starts(
        wish.group, {TopicPartition(wish.topic, index): at for index, at in found.items()}
    )
    return Outcome(f"Share group {wish.group} goes on from these offsets.", True, rows)


def delete_offsets(scene: Scene, wish: wishes.DeleteShareOffsets) -> Outcome:
    group = _group(scene, wish.group)
    starts = _starts(group, wish.topic)
    if not starts:
        raise Refused(f"share group {wish.group} knows nothing of {wish.topic}")
    rows = tuple(
        {"partition": index, "before": at, "after": None} for index, at in sorted(starts.items())
    )
    if wish.dry_run:
        said = f"Share group {wish.group} would forget these of {wish.topic}."
        return Outcome(said + _in_the_way(group), False, rows)
    scene.cluster.delete_share_starts(wish.group, wish.topic)
    return Outcome(f"Share group {wish.group} knows nothing of {wish.topic} any more.", True, rows)


def _group(scene: Scene, name: str) -> ShareGroup:
    for group in scene.snapshot.share_groups:
        if group.group_id == name:
            return group
    raise Refused(f"there is no share group {name}")


def _starts(group: ShareGroup, topic: str) -> dict[int, int | None]:
    found = group.starts or {}
    return {place.partition: at.start for place, at in found.items() if place.topic == topic}


def _in_the_way(group: ShareGroup) -> str:
    if not group.members:
        return ""
    return f" It has {plural(len(group.members), 'member')}: stop them first."
