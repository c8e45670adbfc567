"""DescribeProducers (API key 61): the producers a partition remembers, open transactions among
them (KIP-664)."""

from broker.errors import ErrorCode, KafkaError
from broker.handlers.handler import Handler, RequestContext, Versions
from broker.metadata.controller import check_topic_name
from broker.protocol.api_keys import ApiKey
from broker.protocol.messages.describe_producers import (
    DescribeProducersRequest,
    DescribeProducersResponse,
    PartitionResponse,
    ProducerState,
    TopicRequest,
    TopicResponse,
)
from broker.security.acls import Operation, Resource

NOT_HOSTED = "This server does not host this topic-partition."


async def describe_producers(
    request: DescribeProducersRequest, context: RequestContext
) -> DescribeProducersResponse:
    response = DescribeProducersResponse()
    for topic in request.topics:
        answers = []
        for index in topic.partition_indexes:
            answer = PartitionResponse(index)
            try:
                context.require(Operation.READ, Resource.TOPIC, topic.name)
                check_topic_name(topic.name)
                partition = context.services.partitions.get(topic.name, index)
                partition.check_usable()
                answer.active_producers = [
                    ProducerState(
                        producer_id=entry.producer_id,
                        producer_epoch=entry.producer_epoch,
                        last_sequence=entry.last_sequence,
                        last_timestamp=entry.last_timestamp,
                        coordinator_epoch=entry.coordinator_epoch,
                        current_txn_start_offset=entry.transaction_first_offset,
                    )
                    for entry in tuple(partition.log.producer_state.entries.values())
                ]
            except KafkaError as refusal:
                answer.error_code, answer.error_message = (
                    refusal.code,
                    _words(refusal, topic, context),
                )
            answers.append(answer)
        response.topics.append(TopicResponse(topic.name, answers))
    return response


def _words(refusal: KafkaError, topic: TopicRequest, context: RequestContext) -> str | None:
    """Kafka has words for a whole topic alone, none for one of its partitions."""
    if refusal.code in (ErrorCode.TOPIC_AUTHORIZATION_FAILED, ErrorCode.INVALID_TOPIC_EXCEPTION):
        return refusal.message
    return None if topic.name in context.services.cluster.image.topics else NOT_HOSTED


HANDLER = Handler(
    ApiKey.DESCRIBE_PRODUCERS,
    versions=Versions(0, 0),
    request_type=DescribeProducersRequest,
    handle=describe_producers,
)
