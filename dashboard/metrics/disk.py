"""How full the file system of the data directory is, measured beside the event loop."""

import asyncio
import shutil
from pathlib import Path
from typing import Final

INTERVAL_S: Final = 10.0


class DiskWatch:
    """Free and total bytes, measured once when made and then every ten seconds."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.usage = _measure(path)

    async def run(self) -> None:
        """Measure until cancelled."""
        while True:
            await asyncio.sleep(INTERVAL_S)
            self.usage = await asyncio.to_thread(_measure, self.path)


def _measure(path: Path) -> tuple[int, int] | None:
    """None when the file system does not tell."""
    try:
        usage = shutil.disk_usage(path)
    except OSError:
        return None
    return usage.free, usage.total
