"""The role `aggregate`: topics events and metrics -> rollups.db; group footfall-aggregate."""

from footfall.settings import load
from tracker.clock import SystemClock
from tracker.config import StreamConfig, load_kafka
from tracker.sinks.process import Role, run
from tracker.sinks.worker import Pace
from tracker.start import Start, log_to_stderr
from tracker.stream.rollup_sink import RollupSink

GROUP = "footfall-aggregate"


def run_aggregate(start: Start) -> int:
    """Work until SIGTERM or SIGINT; the exit code."""
    kafka = load_kafka(start.config)
    config = load("stream", StreamConfig, start.config)
    log_to_stderr(start)
    data_dir = start.data_directory()
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
