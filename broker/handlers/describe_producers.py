"""DescribeProducers (API key 61): the producers a partition remembers, open transactions among
them (KIP-664)."""

from broker.errors import KafkaError
from broker.handlers.handler import Handler, RequestContext, Versions
from broker.protocol.api_keys import ApiKey
from broker.protocol.messages.describe_producers import (
    DescribeProducersRequest,
    DescribeProducersResponse,
    PartitionResponse,
    ProducerState,
    TopicResponse,
)
from broker.security.acls import Operation, Resource


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
                answer.error_code, answer.error_message = refusal.code, refusal.message
            answers.append(answer)
        response.topics.append(TopicResponse(topic.name, answers))
    return response


HANDLER = Handler(
    ApiKey.DESCRIBE_PRODUCERS,
    versions=Versions(0, 0),
    request_type=DescribeProducersRequest,
    handle=describe_producers,
)
