"""Who may commit and read offsets of a streams group (KIP-1071): whoever has the task now.

A commit may come from an epoch before the member's own: it counts while the member has had the
task without a break since then. So commits on their way do not fail at each rebalance.
"""

from broker.coordinator.group.offset_messages import OffsetCommit, OffsetFetch
from broker.coordinator.group.streams.group import StreamsGroup, StreamsMember
from broker.coordinator.group.streams.topology import source_topics
from broker.errors import ErrorCode, KafkaError

_MEMBER_EPOCHS_SINCE = 9  # version of OffsetCommit


def validate_streams_commit(group: StreamsGroup, commit: OffsetCommit) -> None:
    """Raises UNKNOWN_MEMBER_ID, UNSUPPORTED_VERSION or STALE_MEMBER_EPOCH, for all or nothing."""
    if commit.generation < 0 and not group.members:
        return
    is_named = bool(commit.member_id) or commit.group_instance_id is not None
    if commit.is_transactional and commit.generation == -1 and not is_named:
        return  # transactions up to v2 do not say who they are; the producer's epoch fences them
    member = _member(group, commit.member_id)
    if not commit.is_transactional and commit.api_version < _MEMBER_EPOCHS_SINCE:
        raise KafkaError(
            ErrorCode.UNSUPPORTED_VERSION,
            f"OffsetCommit version {_MEMBER_EPOCHS_SINCE} or above must be used by members using"
            " the streams group protocol",
        )
    if commit.generation > member.owns.epoch:
        raise _stale(
            f"Received member epoch {commit.generation} is newer than current member epoch"
            f" {member.owns.epoch}."
        )
    if commit.generation < member.owns.epoch:
        _validate_earlier(group, member, commit)


def validate_streams_fetch(group: StreamsGroup, fetch: OffsetFetch) -> None:
    """Raises UNKNOWN_MEMBER_ID or STALE_MEMBER_EPOCH."""
    member = _member(group, fetch.member_id or "")
    if fetch.member_epoch != member.owns.epoch:
        raise _stale(f"member epoch {fetch.member_epoch} is not {member.owns.epoch}")


def _validate_earlier(group: StreamsGroup, member: StreamsMember, commit: OffsetCommit) -> None:
    readers = {} if group.topology is None else source_topics(group.topology)
    owns = member.owns
    for offset in commit.offsets:
        subtopology = readers.get(offset.topic)
        if subtopology is None:
            raise _stale(f"Topic {offset.topic} is not in the topology.")
        task = (subtopology, offset.partition)
        since = owns.assigned.active.get(task, owns.revoking.active.get(task))
        if since is None:
            raise _stale(
                f"Task {subtopology}-{offset.partition} is not assigned or pending revocation for"
                " member."
            )
        if commit.generation < since:
            raise _stale(
                f"Received member epoch {commit.generation} is older than assignment epoch"
                f" {since} for task {subtopology}-{offset.partition}."
            )


def _member(group: StreamsGroup, member_id: str) -> StreamsMember:
    member = group.members.get(member_id)
    if member is None:
        raise KafkaError(
            ErrorCode.UNKNOWN_MEMBER_ID,
            f"Member {member_id} is not a member of group {group.group_id}.",
        )
    return member


def _stale(reason: str) -> KafkaError:
    return KafkaError(ErrorCode.STALE_MEMBER_EPOCH, reason)
