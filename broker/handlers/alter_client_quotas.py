"""AlterClientQuotas (API key 49): sets and removes quotas of users, client ids and addresses.

Needs ALTER_CONFIGS on the cluster. Answers per entity: INVALID_REQUEST (KIP-546); one
answer for an entity that comes twice, as in Kafka.
"""

from broker.errors import ErrorCode, KafkaError
from broker.handlers.handler import Handler, RequestContext, Versions
from broker.metadata.image import ClusterImage
from broker.metadata.records import MetadataRecord
from broker.protocol.api_keys import ApiKey
from broker.protocol.messages.alter_client_quotas import (
    AlterClientQuotasRequest,
    AlterClientQuotasResponse,
    EntityData,
    EntryDataResponse,
)
from broker.security.acls import Operation, Resource
from broker.security.quotas import QuotaChange, ToldEntity, alter_quotas, told_entity


async def alter_client_quotas(
    request: AlterClientQuotasRequest, context: RequestContext
) -> AlterClientQuotasResponse:
    wanted = [
        (
            [(part.entity_type, part.entity_name) for part in entry.entity],
            [QuotaChange(op.key, None if op.remove else op.value) for op in entry.ops],
        )
        for entry in request.entries
    ]

    def decide(
        image: ClusterImage,
    ) -> tuple[list[MetadataRecord], dict[ToldEntity, KafkaError | None]]:
        records, results = alter_quotas(image, wanted)
        return ([] if request.validate_only else records), results

    try:
        context.require(Operation.ALTER_CONFIGS, Resource.CLUSTER)
        results = await context.services.cluster.write_records(decide)
    except KafkaError as refusal:
        results = {told_entity(entity): refusal for entity, _ in wanted}
    return AlterClientQuotasResponse(
        entries=[
            EntryDataResponse(
                error_code=ErrorCode.NONE if result is None else result.code,
                error_message=None if result is None else result.message,
                entity=[EntityData(kind, name) for kind, name in entity],
            )
            for entity, result in results.items()
        ]
    )


HANDLER = Handler(
    ApiKey.ALTER_CLIENT_QUOTAS,
    versions=Versions(0, 1),
    request_type=AlterClientQuotasRequest,
    handle=alter_client_quotas,
)
