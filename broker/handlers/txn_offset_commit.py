"""TxnOffsetCommit (API key 28): offsets that count when the producer's transaction commits.

v3 names the consumer's generation and member (KIP-447), v4 knows TRANSACTION_ABORTABLE, with v5 the
offsets partition joins the transaction by being written to; before, AddOffsetsToTxn did that
(KIP-890).
Answers for each partition: those of OffsetCommit, and those of the transaction coordinator
(INVALID_PRODUCER_ID_MAPPING, INVALID_PRODUCER_EPOCH, PRODUCER_FENCED, INVALID_TXN_STATE ...).
"""

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
    refused = {
        topic.name
        for topic in request.topics
        if not context.is_authorized(Operation.READ, Resource.TOPIC, topic.name)
    }
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
            if topic.name not in refused
            for partition in topic.partitions
        ),
        producer=(request.producer_id, request.producer_epoch),
        api_version=context.api_version,
    )
    try:
        errors = iter(await _commit(request, commit, context))
    except KafkaError as refusal:
        errors = iter([_known(refusal.code, context.api_version)] * len(commit.offsets))
    return TxnOffsetCommitResponse(
        topics=[
            TxnOffsetCommitResponseTopic(
                name=topic.name,
                partitions=[
                    TxnOffsetCommitResponsePartition(
                        partition_index=partition.partition_index,
                        error_code=ErrorCode.TOPIC_AUTHORIZATION_FAILED
                        if topic.name in refused
                        else next(errors),
                    )
                    for partition in topic.partitions
                ],
            )
            for topic in request.topics
        ]
    )


def _known(code: ErrorCode, api_version: int) -> ErrorCode:
    """The code in words that the client's version has."""
    if code is ErrorCode.TRANSACTION_ABORTABLE and api_version < _ABORTABLE_SINCE:
        return ErrorCode.INVALID_TXN_STATE
    return code


async def _commit(
    request: TxnOffsetCommitRequest, commit: OffsetCommit, context: RequestContext
) -> list[ErrorCode]:
    """Let the write into its transaction, then write; both are on disk when this returns."""
    services = context.services
    context.require(Operation.WRITE, Resource.TRANSACTIONAL_ID, request.transactional_id)
    context.require(Operation.READ, Resource.GROUP, request.group_id)
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
