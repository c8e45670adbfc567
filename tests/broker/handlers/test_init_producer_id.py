from pathlib import Path

from broker.errors import ErrorCode
from broker.protocol.messages.init_producer_id import (
    InitProducerIdRequest,
    InitProducerIdResponse,
)
from tests.support.raw_client import RawClient
from tests.support.running_broker import running_broker
from tests.support.transactional import find_coordinator

IDEMPOTENT = InitProducerIdRequest(transactional_id=None, transaction_timeout_ms=60_000)


async def test_no_id_is_given_twice_not_even_after_a_restart(tmp_path: Path) -> None:
    given = []
    for _ in range(2):
        async with (
            running_broker(tmp_path / "data") as broker,
            await RawClient.connect(broker.host, broker.port) as client,
        ):
            for _ in range(3):
                response = await client.ask(IDEMPOTENT, 5, InitProducerIdResponse)
                given.append((response.producer_id, response.producer_epoch))

    assert len({producer_id for producer_id, _ in given}) == 6
    assert {epoch for _, epoch in given} == {0}


async def test_an_empty_transactional_id_is_refused(client: RawClient) -> None:
    request = InitProducerIdRequest(transactional_id="", transaction_timeout_ms=60_000)

    response = await client.ask(request, 5, InitProducerIdResponse)

    assert (response.error_code, response.producer_id) == (ErrorCode.INVALID_REQUEST, -1)


async def test_half_of_an_identity_is_refused(client: RawClient) -> None:
    answers = [
        await client.ask(InitProducerIdRequest(name, 60_000, *half), 5, InitProducerIdResponse)
        for name in (None, "shop")
        for half in ((7, -1), (-1, 0))
    ]

    assert {answer.error_code for answer in answers} == {ErrorCode.INVALID_REQUEST}


async def test_who_asks_no_coordinator_first_is_told_to(client: RawClient) -> None:
    """As by Apache Kafka: what transactions are kept in FindCoordinator alone makes."""
    request = InitProducerIdRequest(transactional_id="shop", transaction_timeout_ms=60_000)

    early = await client.ask(request, 5, InitProducerIdResponse)
    await find_coordinator(client, "shop")
    then = await client.ask(request, 5, InitProducerIdResponse)

    assert (early.error_code, early.producer_id) == (ErrorCode.NOT_COORDINATOR, -1)
    assert (then.error_code, then.producer_epoch) == (ErrorCode.NONE, 0)
