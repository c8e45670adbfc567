"""Starts a role: settings in, exit code out. Ingest has workers and starts in ingest/start.py."""

import logging
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from footfall.settings import EXIT_CONFIG, CommonConfig, SettingsError, load
from tracker.config import ExportConfig, StreamConfig, load_kafka


@dataclass(frozen=True, slots=True)
class Start:
    """How a role was called."""

    config: Path | None
    data_dir: Path | None  # overrides the setting

    def data_directory(self) -> Path:
        """Raises SettingsError."""
        common = load("footfall", CommonConfig, self.config)
        return self.data_dir or Path(common.data_dir)


def guarded(run: Callable[[], int]) -> int:
    """Run a role; its expected failures become one line on stderr and an exit code."""
    try:
        return run()
    except SettingsError as error:
        sys.stderr.write(f"{error}\n")
        return EXIT_CONFIG
    except OSError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    except KeyboardInterrupt:
        return 0


def log_to_stderr(start: Start) -> None:
    level = load("footfall", CommonConfig, start.config).log_level.upper()
    logging.basicConfig(
        level=level, stream=sys.stderr, format="%(asctime)s %(levelname)s %(name)s %(message)s"
    )


def run_aggregate(start: Start) -> int:
    from tracker.stream import role

    kafka = load_kafka(start.config)
    config = load("stream", StreamConfig, start.config)
    log_to_stderr(start)
    return role.run_aggregate(config, kafka, start.data_directory())


def run_export(start: Start) -> int:
    from tracker.export import role

    kafka = load_kafka(start.config)
    config = load("export", ExportConfig, start.config)
    log_to_stderr(start)
    return role.run_export(config, kafka, start.data_directory())
