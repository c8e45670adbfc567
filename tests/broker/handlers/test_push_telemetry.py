import asyncio
from pathlib import Path

import pytest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue
from opentelemetry.proto.metrics.v1.metrics_pb2 import (
    AGGREGATION_TEMPORALITY_DELTA,
    Gauge,
    Histogram,
    HistogramDataPoint,
    Metric,
    MetricsData,
    NumberDataPoint,
    ResourceMetrics,
    ScopeMetrics,
    Sum,
)
from prometheus_client import generate_latest

from broker.errors import ErrorCode
from broker.records.compression import Codec, compress
from tests.support.raw_client import RawClient
from tests.support.running_broker import RunningBroker, running_broker
from tests.support.telemetry_calls import push, subscribe, subscribe_to

LABELS = [KeyValue(key="topic", value=AnyValue(string_value="pages"))]


def payload(*metrics: Metric) -> bytes:
    scope = ScopeMetrics(metrics=metrics)
    data = MetricsData(resource_metrics=[ResourceMetrics(scope_metrics=[scope])])
    return bytes(data.SerializeToString())


def gauge(name: str, value: float) -> Metric:
    return Metric(
        name=name, gauge=Gauge(data_points=[NumberDataPoint(as_double=value, attributes=LABELS)])
    )


def told(broker: RunningBroker) -> list[str]:
    """Samples of clients on /metrics, without the id that each client is given."""
    text = generate_latest(broker.services.telemetry.metrics).decode()
    return [
        line.replace(line.split('client_instance_id="')[1].split('"')[0], "ID")
        for line in text.splitlines()
        if line.startswith("footfall_client_metric{")
    ]


async def test_what_a_client_pushes_is_on_the_metrics_page(
    client: RawClient, broker: RunningBroker
) -> None:
    await subscribe_to(client, "everything")
    granted = await subscribe(client)
    data = payload(
        gauge("queue.size", 2.5),
        Metric(name="sent", sum=Sum(data_points=[NumberDataPoint(as_int=7)])),
        Metric(
            name="wait",
            histogram=Histogram(data_points=[HistogramDataPoint(count=2, sum=0.5)]),
        ),
    )

    pushed = await push(client, granted, bytes(compress(Codec.ZSTD, data)), Codec.ZSTD)

    start = 'footfall_client_metric{client_id="raw",client_instance_id="ID",metric='
    assert pushed == ErrorCode.NONE
    assert sorted(told(broker)) == [
        f'{start}"queue.size",topic="pages"}} 2.5',
        f'{start}"sent"}} 7.0',
        f'{start}"wait.count"}} 2.0',
        f'{start}"wait.sum"}} 0.5',
    ]


async def test_the_newest_value_counts_and_differences_add_up(
    client: RawClient, broker: RunningBroker
) -> None:
    await subscribe_to(client, "everything")
    granted = await subscribe(client)
    delta = Metric(
        name="sent",
        sum=Sum(
            aggregation_temporality=AGGREGATION_TEMPORALITY_DELTA,
            data_points=[NumberDataPoint(as_int=7)],
        ),
    )

    await push(client, granted, payload(gauge("size", 1), delta))
    await push(client, granted, payload(gauge("size", 3), delta), is_last=True)

    assert {line.rpartition(" ")[2] for line in told(broker)} == {"3.0", "14.0"}


async def test_values_beyond_the_bound_are_dropped_and_counted(tmp_path: Path) -> None:
    async with (
        running_broker(tmp_path, telemetry_series_max=2) as broker,
        await RawClient.connect(broker.host, broker.port) as client,
    ):
        await subscribe_to(client, "everything")
        first, second = await subscribe(client), await subscribe(client)
        await push(client, first, payload(gauge("a", 1), gauge("b", 1)))
        await push(client, second, payload(gauge("a", 1)))

        assert len(told(broker)) == 2
        assert broker.services.telemetry.metrics.dropped == 1


def labelled(value: float, **attributes: str) -> Metric:
    """A metric with these attributes; two underscores in a name stand for a dot."""
    labels = [
        KeyValue(key=name.replace("__", "."), value=AnyValue(string_value=text))
        for name, text in attributes.items()
    ]
    return Metric(
        name="m", gauge=Gauge(data_points=[NumberDataPoint(as_double=value, attributes=labels)])
    )


async def test_attributes_that_look_alike_as_labels_are_told_apart_or_dropped(
    client: RawClient, broker: RunningBroker
) -> None:
    await subscribe_to(client, "everything")
    granted = await subscribe(client)

    await push(
        client,
        granted,
        payload(
            labelled(1, a_b="x", a__b="y"),
            labelled(2, a_b="z"),
            labelled(3, a__b="z"),
            labelled(4, client_id="mine", metric="mine"),
        ),
    )

    start = 'footfall_client_metric{a_b="'
    rest = 'client_id="raw",client_instance_id="ID",metric="m"'
    assert sorted(told(broker)) == [
        f'{start}y",a_b_2="x",{rest}}} 1.0',
        f'{start}z",{rest}}} 2.0',
        'footfall_client_metric{attribute_client_id="mine",attribute_metric="mine",'
        + rest
        + "} 4.0",
    ]
    assert broker.services.telemetry.metrics.dropped == 1


@pytest.mark.parametrize(
    ("data", "codec", "code"),
    [
        (b"\xff\xff", Codec.NONE, ErrorCode.INVALID_RECORD),
        (b"no gzip", Codec.GZIP, ErrorCode.INVALID_RECORD),
        (compress(Codec.GZIP, bytes(2 << 20)), Codec.GZIP, ErrorCode.INVALID_RECORD),
        (b"", 9, ErrorCode.UNSUPPORTED_COMPRESSION_TYPE),
        (bytes((1 << 20) + 1), Codec.NONE, ErrorCode.TELEMETRY_TOO_LARGE),
    ],
)
async def test_a_push_that_cannot_be_read_is_refused(
    client: RawClient, data: bytes, codec: int, code: ErrorCode
) -> None:
    await subscribe_to(client, "everything")
    granted = await subscribe(client)

    assert await push(client, granted, data, codec) == code


async def test_a_push_is_held_to_its_interval_and_subscription(client: RawClient) -> None:
    await subscribe_to(client, "everything")
    granted = await subscribe(client)

    first = await push(client, granted, payload(gauge("a", 1)))
    too_early = await push(client, granted, payload(gauge("a", 1)))
    last = await push(client, granted, payload(gauge("a", 2)), is_last=True)
    after = await push(client, granted, payload(gauge("a", 2)))

    assert [first, too_early, last, after] == [
        ErrorCode.NONE,
        ErrorCode.THROTTLING_QUOTA_EXCEEDED,
        ErrorCode.NONE,
        ErrorCode.INVALID_REQUEST,
    ]


async def test_after_a_change_the_client_has_to_ask_anew(client: RawClient) -> None:
    await subscribe_to(client, "everything")
    granted = await subscribe(client)
    await subscribe_to(client, "everything", interval_ms=1000)

    pushed = await push(client, granted, payload(gauge("a", 1)))
    again = await subscribe(client, granted.client_instance_id)

    assert pushed == ErrorCode.UNKNOWN_SUBSCRIPTION_ID
    assert (again.error_code, again.push_interval_ms) == (ErrorCode.NONE, 1000)


async def test_a_client_without_an_id_cannot_push(client: RawClient) -> None:
    granted = await subscribe(client)
    granted.client_instance_id = bytes(16)

    assert await push(client, granted, b"") == ErrorCode.INVALID_REQUEST


async def test_a_client_that_connects_again_need_not_wait(
    client: RawClient, broker: RunningBroker
) -> None:
    await subscribe_to(client, "everything")
    async with await RawClient.connect(broker.host, broker.port) as first:
        granted = await subscribe(first)
        await push(first, granted, payload(gauge("a", 1)), is_last=True)
    while sum(broker.services.metrics.connections.values()) > 1:
        await asyncio.sleep(0)

    async with await RawClient.connect(broker.host, broker.port) as second:
        again = await subscribe(second, granted.client_instance_id)
        pushed = await push(second, granted, payload(gauge("b", 2)))

    assert (again.error_code, again.subscription_id) == (ErrorCode.NONE, granted.subscription_id)
    assert pushed == ErrorCode.NONE
    assert len(told(broker)) == 2


async def test_a_client_that_ended_is_refused_once(client: RawClient) -> None:
    await subscribe_to(client, "everything")
    granted = await subscribe(client)
    await push(client, granted, b"", is_last=True)
    granted.subscription_id += 1

    pushed = [await push(client, granted, b"", is_last=True) for _ in range(2)]
    pushed += [await push(client, granted, b"") for _ in range(2)]

    assert pushed == [
        ErrorCode.INVALID_REQUEST,
        ErrorCode.INVALID_REQUEST,
        ErrorCode.INVALID_REQUEST,
        ErrorCode.THROTTLING_QUOTA_EXCEEDED,
    ]
