"""The role `export`: topic events -> warehouse, in the group footfall-export."""

from footfall.settings import load
from tracker.clock import SystemClock
from tracker.config import ExportConfig, load_kafka
from tracker.export.sqlite import SqliteExporter
from tracker.sinks.process import Role, run
from tracker.sinks.worker import Pace
from tracker.start import Start, log_to_stderr

GROUP = "footfall-export"


def run_export(start: Start) -> int:
    """Work until SIGTERM or SIGINT; the exit code."""
    kafka = load_kafka(start.config)
    config = load("export", ExportConfig, start.config)
    log_to_stderr(start)
    data_dir = start.data_directory()
    data_dir.mkdir(parents=True, exist_ok=True)
    role = Role(
        "export",
        GROUP,
        "export",
        config.metrics_host,
        config.metrics_port,
        Pace(config.batch_events_max, config.flush_interval_ms),
    )
    return run(role, SqliteExporter(data_dir / "warehouse.db"), kafka, SystemClock())
