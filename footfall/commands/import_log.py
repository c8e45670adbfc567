"""`footfall import access-log`: hands over to the tracker's importer in its own process."""

import subprocess
import sys
from pathlib import Path


def import_access_log(file: Path, site: str, config: Path | None, data_dir: Path | None) -> int:
    """The importer's exit code; its progress bar has our terminal."""
    arguments = [sys.executable, "-P", "-m", "tracker", "import-access-log", str(file)]
    arguments += ["--site", site]
    if config is not None:
        arguments += ["--config", str(config)]
    if data_dir is not None:
        arguments += ["--data-dir", str(data_dir)]
    return subprocess.call(arguments)
