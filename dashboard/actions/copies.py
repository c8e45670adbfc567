"""Copies of records, also from another cluster: what would be done, beginning one, stopping one."""

from dashboard.actions import wishes
from dashboard.actions.perform import PROTECTED, Outcome, Scene, topic_of
from dashboard.copies.room import CopyRoom
from dashboard.text import count, plural, size
from tracker.kafka.changes import NewRecord, Refused
from tracker.topic_copy import Plan
from tracker.topics import TopicPartition


def copy_records(scene: Scene, wish: wishes.CopyRecords) -> Outcome:
    copies, here = _room(scene), scene.snapshot.name
    _may_come(copies, wish)
    source = (wish.from_cluster or here, wish.from_topic)
    planned = copies.desk.plan(source, (here, wish.topic), wish.anew)
    rows = tuple(
        {
            "partition": place.partition,
            "from offset": planned.at[place],
            "to offset": end,
            "records at most": end - planned.at[place],
        }
        for place, end in sorted(planned.extent.ends.items())
    )
    if wish.dry_run:
        return Outcome(_would(planned, copies.size_of(*source)), False, rows)
    copies.desk.begin(planned, scene.who, scene.later)
    said = f"Copying {_from(planned)} to {wish.topic} began; /copies says how far it is."
    return Outcome(said, True, rows)


def resend_record(scene: Scene, wish: wishes.ResendRecord) -> Outcome:
    room = _room(scene)
    topic_of(scene, wish.topic)  # a mistyped name must not make a topic
    _may_come(room, wish)
    place = TopicPartition(wish.from_topic, wish.from_partition)
    record = room.desk.record(wish.from_cluster or scene.snapshot.name, place, wish.from_offset)
    again = NewRecord(wish.topic, -1, record.key, record.value, record.headers)
    partition, offset = scene.cluster.produce(again)
    row = {"partition": partition, "offset": offset}
    said = f"Stored once more, in {wish.topic}-{partition} at offset {offset}."
    return Outcome(said, True, (row,))


def _may_come(room: CopyRoom, wish: wishes.CopyRecords | wishes.ResendRecord) -> None:
    """Raises Refused where the topic is Kafka's own, or what masks hide would be seen there."""
    if wish.topic in PROTECTED:
        raise Refused(f"{wish.topic} is the cluster's own; it is left alone")
    if shown := room.masks_lost(wish.from_topic, wish.topic):
        raise Refused(
            f"[masks.{shown[0]}] hides parts of {wish.from_topic}, and not of {wish.topic}:"
            " a copy would show them"
        )


def stop_copy(scene: Scene, wish: wishes.StopCopy) -> Outcome:
    copy = _room(scene).desk.stop(scene.snapshot.name, wish.topic)
    said = f"Copying {copy.from_topic} to {wish.topic} stops; the same copy goes on from there."
    return Outcome(said, True)


def _would(planned: Plan, on_disk: int | None) -> str:
    """The dry run in words; `on_disk`: bytes that the whole source takes."""
    extent, target = planned.extent, planned.target
    what = f"{plural(planned.offsets, 'record')} at most of {_from(planned)}"
    if on_disk is not None:
        whole = sum(extent.ends[place] - extent.starts[place] for place in extent.ends)
        what += f" (about {size(round(on_disk * planned.offsets / whole) if whole else 0)})"
    said = f"{what} would be copied to {target.topic} in {target.cluster}"
    if planned.there is None:
        own = len(planned.settings)
        said += f", which would be made with {plural(len(extent.ends), 'partition')}"
        said += f" and {plural(own, 'setting')} of its own." if own else "."
    else:
        parts = plural(planned.there.partitions, "partition")
        said += f", which is there with {parts} and {plural(planned.there.offsets, 'offset')}."
    if planned.goes_on:
        said += " It would go on where an earlier copy stopped."
    if extent.held:
        said += f" {count(extent.held)} offsets wait for open transactions, and would stay behind."
    return said


def _room(scene: Scene) -> CopyRoom:
    if scene.copies is None:
        raise Refused("nothing is copied here")
    return scene.copies


def _from(planned: Plan) -> str:
    return f"{planned.source.topic} in {planned.source.cluster}"
