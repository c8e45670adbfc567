from broker.errors import ErrorCode
from broker.protocol.messages.unregister_broker import (
    UnregisterBrokerRequest,
    UnregisterBrokerResponse,
)
from tests.support.raw_client import RawClient


async def test_neither_an_unknown_nor_a_running_broker_is_taken_out(client: RawClient) -> None:
    unknown = await client.ask(UnregisterBrokerRequest(7), 0, UnregisterBrokerResponse)
    itself = await client.ask(UnregisterBrokerRequest(1), 0, UnregisterBrokerResponse)

    assert unknown.error_code == ErrorCode.BROKER_ID_NOT_REGISTERED
    assert itself.error_code == ErrorCode.INVALID_REQUEST
