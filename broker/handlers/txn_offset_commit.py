"""TxnOffsetCommit (API key 28): offsets that count when the producer's transaction commits.

v3 names the consumer's generation and member (KIP-447), v4 knows TRANSACTION_ABORTABLE, with v5 the
offsets partition joins the transaction by being written to; before, AddOffsetsToTxn did that
(KIP-890).
Answers for each partition: those of OffsetCommit, and those of the transaction coordinator
(INVALID_PRODUCER_ID_MAPPING, INVALID_PRODUCER_EPOCH, INVALID_TXN_STATE ...).
"""

import itertools
from collections.abc import Iterator

from broker.coordinator.group.offset_messages import OffsetCommit, OffsetToCommit
from broker.coordinator.transaction.transaction import Producer
from broker.errors import ErrorCode, KafkaError
from broker.handlers.handler import Handler, RequestContext, Versions
from broker.metadata.records import OFFSETS_TOPIC
from broker.protocol.api_keys import ApiKey
from broker.protocol.messages.txn_offset_commit import (
    TxnOffsetCommitRequest,
    TxnOffsetCommitResponse,
    TxnOffsetCommitResponsePartition,
    TxnOffsetCommitResponseTopic,
)
from broker.security.acls import Operation, Resource

_ABORTABLE_SINCE = 4
_JOINS_IMPLICITLY_SINCE = 5


async def txn_offset_commit(
    request: TxnOffsetCommitRequest, context: RequestContext
) -> TxnOffsetCommitResponse:
    try:
        context.require(Operation.WRITE, Resource.TRANSACTIONAL_ID, request.transactional_id)
        context.require(Operation.READ, Resource.GROUP, request.group_id)
    except KafkaError as refusal:
        return _response(request, itertools.repeat(refusal.code))
    refusals = [
        context.refusal_of_offset(topic.name, partition.partition_index)
        for topic in request.topics
        for partition in topic.partitions
    ]
    why = iter(refusals)
    commit = OffsetCommit(
        group_id=request.group_id,
        generation=request.generation_id,
        member_id=request.member_id,
        group_instance_id=request.group_instance_id,
        offsets=tuple(
            OffsetToCommit(
                topic=topic.name,
                partition=partition.partition_index,
                offset=partition.committed_offset,
                leader_epoch=partition.committed_leader_epoch,
                metadata=partition.committed_metadata or "",
            )
            for topic in request.topics
            for partition in topic.partitions
            if next(why) is None
        ),
        producer=(request.producer_id, request.producer_epoch),
        api_version=context.api_version,
    )
    try:
        errors = iter(await _commit(request, commit, context) if commit.offsets else [])
    except KafkaError as refusal:
        errors = itertools.repeat(_known(refusal.code, context.api_version))
    return _response(request, (next(errors) if one is None else one for one in refusals))


def _response(
    request: TxnOffsetCommitRequest, outcomes: Iterator[ErrorCode]
) -> TxnOffsetCommitResponse:
    return TxnOffsetCommitResponse(
        topics=[
            TxnOffsetCommitResponseTopic(
                name=topic.name,
                partitions=[
                    TxnOffsetCommitResponsePartition(partition.partition_index, next(outcomes))
                    for partition in topic.partitions
                ],
            )
            for topic in request.topics
        ]
    )


def _known(code: ErrorCode, api_version: int) -> ErrorCode:
    """The code in words that the client's version has, and that clients expect on this path."""
    if code is ErrorCode.PRODUCER_FENCED:
        return ErrorCode.INVALID_PRODUCER_EPOCH
    if code is ErrorCode.STALE_MEMBER_EPOCH:
        return ErrorCode.ILLEGAL_GENERATION
    if code is ErrorCode.TRANSACTION_ABORTABLE and api_version < _ABORTABLE_SINCE:
        return ErrorCode.INVALID_TXN_STATE
    return code


async def _commit(
    request: TxnOffsetCommitRequest, commit: OffsetCommit, context: RequestContext
) -> list[ErrorCode]:
    """Let the write into its transaction, then write; both are on disk when this returns."""
    services = context.services
    partition = (OFFSETS_TOPIC, services.groups.coordinator_partition(request.group_id))
    admission = services.transactions.admit(
        request.transactional_id,
        Producer(request.producer_id, request.producer_epoch),
        partition,
        implicit=context.api_version >= _JOINS_IMPLICITLY_SINCE,
    )
    if admission is not None:
        await admission
    return await services.groups.commit_offsets(commit)


HANDLER = Handler(
    ApiKey.TXN_OFFSET_COMMIT, Versions(0, 5), TxnOffsetCommitRequest, txn_offset_commit
)
