from pathlib import Path

import pytest

from broker.errors import ErrorCode
from broker.handlers.handler import Services
from broker.metadata.records import TRANSACTIONS_TOPIC
from broker.partition.wishes import ReadEnd
from broker.protocol.messages.update_features import (
    FeatureUpdateKey,
    UpdateFeaturesRequest,
    UpdateFeaturesResponse,
)
from broker.records.batch import iterate
from broker.records.record import decode_records
from tests.support.raw_client import RawClient
from tests.support.running_broker import running_broker
from tests.support.transactional import start_producer

UPGRADE, SAFE_DOWNGRADE, UNSAFE_DOWNGRADE = 1, 2, 3
FEATURE = "eligible.leader.replicas.version"


async def answered(
    client: RawClient, name: str, level: int, kind: int, version: int = 2
) -> UpdateFeaturesResponse:
    update = FeatureUpdateKey(name, level, upgrade_type=kind)
    request = UpdateFeaturesRequest(1000, [update])
    return await client.ask(request, version, UpdateFeaturesResponse)


async def updated(client: RawClient, name: str, level: int, kind: int = UPGRADE) -> ErrorCode:
    return ErrorCode((await answered(client, name, level, kind)).error_code)


async def test_a_lowered_level_stays_over_a_restart(tmp_path: Path) -> None:
    async with (
        running_broker(tmp_path / "data") as broker,
        await RawClient.connect(broker.host, broker.port) as client,
    ):
        assert await updated(client, FEATURE, 0, SAFE_DOWNGRADE) == ErrorCode.NONE

    async with running_broker(tmp_path / "data") as broker:
        assert broker.services.cluster.image.features[FEATURE] == 0


def versions_stored(services: Services) -> list[int]:
    """Of the values of all transactional ids; those of one id in their order."""
    found = []
    for partition in services.partitions.all():
        if partition.topic == TRANSACTIONS_TOPIC and partition.high_watermark:
            chunk = partition.read(0, 1 << 20, ReadEnd.HIGH_WATERMARK, minimum_one=True).read()
            for position, header in iterate(chunk):
                batch = chunk[position : position + header.size_bytes]
                values = [record.value or b"" for record in decode_records(header, batch)]
                found += [int.from_bytes(value[:2]) for value in values]
    return found


async def test_without_transaction_version_transactions_are_stored_as_older_brokers_read_them(
    tmp_path: Path,
) -> None:
    """As in Apache Kafka, from the next record on."""
    async with (
        running_broker(tmp_path / "data") as broker,
        await RawClient.connect(broker.host, broker.port) as client,
    ):
        await start_producer(client, "shop")
        await updated(client, "transaction.version", 0, SAFE_DOWNGRADE)
        await start_producer(client, "shop")
        await updated(client, "transaction.version", 1)
        await start_producer(client, "shop")

        assert versions_stored(broker.services) == [1, 0, 1]


async def test_lowering_has_to_be_meant(client: RawClient) -> None:
    by_chance = await updated(client, FEATURE, 0)
    meant = await updated(client, FEATURE, 0, SAFE_DOWNGRADE)

    assert (by_chance, meant) == (ErrorCode.INVALID_UPDATE_VERSION, ErrorCode.NONE)


async def test_the_quorum_keeps_its_version_once_it_was_raised(client: RawClient) -> None:
    await updated(client, "kraft.version", 1)

    answer = await answered(client, "kraft.version", 0, UNSAFE_DOWNGRADE, version=1)

    assert answer.error_code == ErrorCode.INVALID_UPDATE_VERSION
    assert str(answer.error_message).endswith("Can't downgrade the version of this feature.")
    assert await updated(client, "kraft.version", 1, SAFE_DOWNGRADE) == ErrorCode.NONE


async def test_what_the_broker_cannot_do_is_refused(client: RawClient) -> None:
    assert await updated(client, FEATURE, 9) == ErrorCode.INVALID_UPDATE_VERSION
    assert await updated(client, "flying.version", 1) == ErrorCode.INVALID_UPDATE_VERSION


PREFIX = "The update failed for all features since the following feature had an error: "


@pytest.mark.parametrize(
    ("name", "level", "kind", "words"),
    [
        ("flying.version", 1, UPGRADE, "Local controller 1 does not support this feature."),
        ("flying.version", 0, UNSAFE_DOWNGRADE, "Feature flying.version not found."),
        ("group.version", 9, UPGRADE, "Local controller 1 only supports versions 0-1"),
        ("group.version", 1, 7, "The controller does not support the given upgrade type."),
        ("group.version", -1, UPGRADE, "A feature version cannot be less than 0."),
        ("metadata.version", 7, SAFE_DOWNGRADE, "it might delete metadata information."),
        ("metadata.version", 7, UNSAFE_DOWNGRADE, "Unsafe metadata downgrade is not supported"),
    ],
)
async def test_a_refusal_is_told_for_all_in_kafkas_words(
    client: RawClient, name: str, level: int, kind: int, words: str
) -> None:
    answer = await answered(client, name, level, kind, version=1)

    assert (answer.error_code, answer.results) == (ErrorCode.INVALID_UPDATE_VERSION, [])
    assert str(answer.error_message).startswith(PREFIX)
    assert words in str(answer.error_message)
