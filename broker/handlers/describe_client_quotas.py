"""DescribeClientQuotas (API key 48): lists the quotas of entities that match a filter.

Needs DESCRIBE_CONFIGS on the cluster. Answers: INVALID_REQUEST, UNSUPPORTED_VERSION for a type of
entity that Kafka does not have.
"""

from broker.errors import ErrorCode, KafkaError
from broker.handlers.handler import Handler, RequestContext, Versions
from broker.protocol.api_keys import ApiKey
from broker.protocol.messages.describe_client_quotas import (
    DescribeClientQuotasRequest,
    DescribeClientQuotasResponse,
    EntityData,
    EntryData,
    ValueData,
)
from broker.security.acls import Operation, Resource
from broker.security.quotas import Component, find_quotas, in_kafkas_order


async def describe_client_quotas(
    request: DescribeClientQuotasRequest, context: RequestContext
) -> DescribeClientQuotasResponse:
    components = [
        Component(one.entity_type, one.match_type, one.match) for one in request.components
    ]
    if not context.is_authorized(Operation.DESCRIBE_CONFIGS, Resource.CLUSTER):
        return DescribeClientQuotasResponse(
            error_code=ErrorCode.CLUSTER_AUTHORIZATION_FAILED, error_message=None, entries=None
        )
    try:
        found = find_quotas(context.services.cluster.image, components, strict=request.strict)
    except KafkaError as refusal:
        return DescribeClientQuotasResponse(
            error_code=refusal.code, error_message=refusal.message, entries=None
        )
    return DescribeClientQuotasResponse(
        error_code=ErrorCode.NONE,
        error_message="",
        entries=[
            EntryData(
                [EntityData(kind, name) for kind, name in entity],
                [ValueData(key, value) for key, value in in_kafkas_order(values)],
            )
            for entity, values in found
        ],
    )


HANDLER = Handler(
    ApiKey.DESCRIBE_CLIENT_QUOTAS,
    versions=Versions(0, 1),
    request_type=DescribeClientQuotasRequest,
    handle=describe_client_quotas,
)
