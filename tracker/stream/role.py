"""The role `aggregate`: topics events and metrics -> rollups.db; group footfall-aggregate."""

from pathlib import Path

from tracker.clock import SystemClock
from tracker.config import KafkaConfig, StreamConfig
from tracker.stream.process import Role, run
from tracker.stream.rollup_sink import RollupSink
from tracker.stream.worker import Pace

GROUP = "footfall-aggregate"


def run_aggregate(config: StreamConfig, kafka: KafkaConfig, data_dir: Path) -> int:
    """Work until SIGTERM or SIGINT; the exit code."""
    data_dir.mkdir(parents=True, exist_ok=True)
    clock = SystemClock()
    role = Role(
        "aggregate",
        GROUP,
        "consumer",
        config.metrics_host,
        config.metrics_port,
        Pace(config.batch_events_max, config.flush_interval_ms),
    )
    sink = RollupSink(data_dir / "rollups.db", clock, repeat_window_days=config.repeat_window_days)
    return run(role, sink, kafka, clock)
