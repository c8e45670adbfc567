"""A client as subscriptions to its metrics may name it (KIP-714)."""

from dataclasses import dataclass

from broker.protocol.primitives import uuid_text


@dataclass(frozen=True, slots=True)
class TelemetryClient:
    client_id: str
    software_name: str
    software_version: str
    address: str
    port: int
    connection_id: int
    """Where its request came by; no subscription can name it"""

    def attributes(self, instance_id: bytes) -> dict[str, str]:
        """By the names that `match` uses."""
        return {
            "client_instance_id": uuid_text(instance_id),
            "client_id": self.client_id,
            "client_software_name": self.software_name,
            "client_software_version": self.software_version,
            "client_source_address": self.address,
            "client_source_port": str(self.port),
        }
