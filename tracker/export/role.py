"""The role `export`: topic events -> warehouse, in the group footfall-export."""

from pathlib import Path

from tracker.clock import SystemClock
from tracker.config import ExportConfig, KafkaConfig
from tracker.export.sqlite import SqliteExporter
from tracker.stream.process import Role, run
from tracker.stream.worker import Pace

GROUP = "footfall-export"


def run_export(config: ExportConfig, kafka: KafkaConfig, data_dir: Path) -> int:
    """Work until SIGTERM or SIGINT; the exit code."""
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
