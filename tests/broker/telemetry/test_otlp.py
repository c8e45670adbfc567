from opentelemetry.proto.metrics.v1.metrics_pb2 import MetricsData

from broker.telemetry import otlp


def test_a_push_is_looked_into_no_further_than_a_bound() -> None:
    data = MetricsData()
    for _ in range(otlp.PARTS_MAX):
        data.resource_metrics.add()
    metric = data.resource_metrics.add().scope_metrics.add().metrics.add(name="last")
    metric.gauge.data_points.add(as_int=1)
    within = MetricsData(resource_metrics=data.resource_metrics[-1:])

    assert otlp.decode(data.SerializeToString(), 10) == []
    assert [point.metric for point in otlp.decode(within.SerializeToString(), 10)] == ["last"]


def test_parts_of_all_levels_count() -> None:
    data = MetricsData()
    for _ in range(2):
        scope = data.resource_metrics.add().scope_metrics.add()
        for _ in range(otlp.PARTS_MAX - 10):
            scope.metrics.add()
    metric = data.resource_metrics[1].scope_metrics[0].metrics.add(name="late")
    metric.gauge.data_points.add(as_int=1)

    assert otlp.decode(data.SerializeToString(), 10) == []
