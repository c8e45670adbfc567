"""What all brokers are set to together: librdkafka takes no resource without a name."""

from collections.abc import Mapping
from typing import Any, Final

from tracker.kafka.line import Line, client_library, words

BROKER: Final = 4  # kinds of resources and operations by Kafka's numbers
SET: Final = 0
DELETE: Final = 1


def set_broker_defaults(
    line: Line, configs: Mapping[str, str | None], validate_only: bool, timeout_s: float
) -> str:
    """None takes a setting back; what the cluster refuses with, empty when it did as asked."""
    client_library()
    entries = [(name, DELETE if value is None else SET, value) for name, value in configs.items()]
    request = words("admin").IncrementalAlterConfigsRequest(
        resources=[(BROKER, "", entries)], validate_only=validate_only
    )

    async def asked(client: Any) -> Any:
        return await client._manager.send(request, request_timeout_ms=timeout_s * 1000)

    answer = line.ask(lambda client: client._manager.run(asked, client), timeout_s)
    (told,) = answer.responses
    if not told.error_code:
        return ""
    return str(told.error_message or f"error {told.error_code}")
