"""How a role or a small command is started: its settings, its log, its expected failures."""

import logging
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from footfall.data_format import claim
from footfall.settings import EXIT_CONFIG, CommonConfig, SettingsError, load


@dataclass(frozen=True, slots=True)
class Start:
    """How a role was called."""

    config: Path | None
    data_dir: Path | None  # overrides the setting

    def data_directory(self) -> Path:
        """Raises SettingsError, also where a newer version wrote it."""
        common = load("footfall", CommonConfig, self.config)
        found = self.data_dir or Path(common.data_dir)
        claim(found)
        return found


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
