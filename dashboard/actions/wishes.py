"""What an action may be asked to do: one struct each, the body of its request.

Their JSON Schema is the API's documentation. A body with a field that is not here is refused, so
that a mistyped name cannot quietly mean something else.
"""

from typing import Annotated

from msgspec import Meta, Struct

TopicName = Annotated[str, Meta(min_length=1, max_length=249, description="Name of a topic.")]
GroupName = Annotated[str, Meta(min_length=1, max_length=1_000, description="Id of a group.")]
Confirm = Annotated[
    str,
    Meta(max_length=1_000, description="The object's name once more, typed by whoever wants it."),
]
Index = Annotated[int, Meta(ge=0, le=2**31 - 1)]
Offset = Annotated[int, Meta(ge=0, le=2**62)]
Millis = Annotated[int, Meta(ge=0, le=2**50, description="Milliseconds since 1970, UTC.")]
Text = Annotated[str, Meta(max_length=65_000)]


class Wish(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A request's body."""


class CreateTopic(Wish, frozen=True):
    topic: TopicName
    partitions: Annotated[int, Meta(ge=-1, le=10_000)] = -1  # -1: the broker's default
    replication_factor: Annotated[int, Meta(ge=-1, le=32_767)] = -1
    configs: dict[str, str] = {}


class DeleteTopic(Wish, frozen=True):
    topic: TopicName
    confirm: Confirm


class EditConfig(Wish, frozen=True):
    """`configs`: null takes a setting back to its default."""

    topic: TopicName
    configs: Annotated[dict[str, str | None], Meta(min_length=1, max_length=100)]
    confirm: Confirm


class AddPartitions(Wish, frozen=True):
    """`total`: how many there are afterwards. Keys move to other partitions."""

    topic: TopicName
    total: Annotated[int, Meta(ge=1, le=10_000)]
    confirm: Confirm


class DeleteRecords(Wish, frozen=True):
    """Everything below `before` of one partition, or all there is when it is left out."""

    topic: TopicName
    partition: Index | None = None  # None: every partition
    before: Offset | None = None  # None: up to the end
    dry_run: bool = True
    confirm: Confirm = ""


class ResetOffsets(Wish, frozen=True):
    """Where the group goes on: `to` earliest, latest, offset, time or shift (by `offset`)."""

    group: GroupName
    topic: TopicName
    to: Annotated[str, Meta(pattern="^(earliest|latest|offset|time|shift)$")]
    offset: Annotated[int, Meta(ge=-(2**62), le=2**62)] | None = None
    time_ms: Millis | None = None
    partition: Index | None = None  # None: every partition
    dry_run: bool = True
    confirm: Confirm = ""


class ResetShareOffsets(ResetOffsets, frozen=True):
    """Where a share group goes on; `shift` counts from its start offset."""


class DeleteShareOffsets(Wish, frozen=True):
    """What a share group knows of one topic; it begins anew there, as share.auto.offset.reset
    says."""

    group: GroupName
    topic: TopicName
    dry_run: bool = True
    confirm: Confirm = ""


class CopyTopic(Wish, frozen=True):
    """A topic like `source`: partitions, copies and settings; no records."""

    topic: TopicName
    source: TopicName


class CopyRecords(Wish, frozen=True):
    """What `from_topic` has now comes into `topic` of the cluster that is asked, made where it is
    missing; `anew`: from the beginning, also where an earlier copy stopped."""

    topic: TopicName
    from_topic: TopicName
    from_cluster: Annotated[str, Meta(max_length=250, description="Empty: the same one.")] = ""
    anew: bool = False
    dry_run: bool = True
    confirm: Confirm = ""


class ResendRecord(Wish, frozen=True):
    """One record of `from_topic` once more, into `topic`: key, value and headers as they are."""

    topic: TopicName
    from_topic: TopicName
    from_partition: Index
    from_offset: Offset
    from_cluster: Annotated[str, Meta(max_length=250, description="Empty: the same one.")] = ""


class StopCopy(Wish, frozen=True):
    """`topic`: what is copied into. The same copy goes on later where this one stopped."""

    topic: TopicName


class DeleteOffsets(Wish, frozen=True):
    """What the group has committed for the topic; only while it does not read it."""

    group: GroupName
    topic: TopicName
    dry_run: bool = True
    confirm: Confirm = ""


class EditBrokerConfig(Wish, frozen=True):
    """While it runs; null goes back to what the settings file or Kafka says."""

    broker: Annotated[str, Meta(pattern=r"^([0-9]{1,10}|default)$", description="Id, or default.")]
    configs: Annotated[dict[str, str | None], Meta(min_length=1, max_length=100)]
    dry_run: bool = True
    confirm: Confirm = ""


class EndTransaction(Wish, frozen=True):
    """One that is open is aborted, and its producer fenced: it has to begin anew."""

    transactional_id: Annotated[str, Meta(min_length=1, max_length=32_767)]
    dry_run: bool = True
    confirm: Annotated[str, Meta(max_length=32_767)] = ""


class DeleteGroup(Wish, frozen=True):
    group: GroupName
    confirm: Confirm


class ProduceMessage(Wish, frozen=True):
    """Text as UTF-8; a value of null is a tombstone."""

    topic: TopicName
    partition: Index | None = None  # None: by the key
    key: Text | None = None
    value: Text | None = None
    headers: Annotated[dict[str, str], Meta(max_length=100)] = {}
