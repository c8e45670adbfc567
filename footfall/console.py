"""What people see of `footfall up`: one line an event, each role's lines behind its name."""

import os
import shutil
import sys
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import Final

from rich.console import Console
from rich.text import Text

from footfall.child import READY
from footfall.config import DEFAULT_FILE
from footfall.log_files import RotatedLog
from footfall.roles import Address

COLOURS: Final = {
    "broker": "cyan",
    "ingest": "green",
    "aggregate": "magenta",
    "export": "yellow",
    "dashboard": "blue",
}
NAME_WIDTH: Final = max(map(len, COLOURS))
SELF = "footfall"


class ConsoleObserver:
    """Prints, and keeps each role's lines in its own bounded file too."""

    def __init__(self, console: Console, logs: dict[str, RotatedLog]) -> None:
        self._console = console
        self._logs = logs

    def line(self, role: str, text: str, is_error: bool) -> None:
        self._logs[role].write(text)
        if text.startswith(READY):
            text = f"serves {text.removeprefix(READY).removeprefix(role).strip()}"
        self._print(role, text, COLOURS.get(role, "white"))

    def event(self, text: str, is_problem: bool) -> None:
        self._print(SELF, text, "bold red" if is_problem else "bold")

    def close(self) -> None:
        for log in self._logs.values():
            log.close()

    def _print(self, name: str, text: str, style: str) -> None:
        line = Text(f"{name:<{NAME_WIDTH}} | ", style=style)
        line.append(text, style="bold red" if style == "bold red" else "default")
        with suppress(OSError):  # nobody reads any more: the roles' work goes on
            self._console.print(line, soft_wrap=True)


def log_files(
    data_dir: Path, roles: Iterable[str], file_bytes: int, files_kept: int
) -> dict[str, RotatedLog]:
    """One file a role under <data>/logs."""
    return {
        role: RotatedLog(data_dir / "logs" / f"{role}.log", file_bytes, files_kept)
        for role in roles
    }


def command(words: str, config: Path | None = None) -> str:
    """`footfall WORDS` as it can be typed here, for the settings file that was asked for."""
    called = Path(sys.argv[0])
    if shutil.which("footfall"):
        name = "footfall"
    elif called.name == "footfall":
        name = os.path.relpath(called)
    else:
        name = "python -m footfall"
    given = "" if config is None or config.absolute() == DEFAULT_FILE.absolute() else config
    return f"{name} {words}" + (f" --config {given}" if given else "")


def greeting(
    addresses: Iterable[Address], data_dir: Path, seconds: float, config: Path | None = None
) -> list[str]:
    """What to tell when everything serves: where things are and what to do first."""
    at = {(address.role, address.purpose): address for address in addresses}
    lines = [f"Footfall is up after {seconds:.1f} s; all state is in {data_dir}"]
    if pages := at.get(("dashboard", "pages")):
        lines.append(f"dashboard   http://{pages}/")
        lines.append(f"metrics     http://{pages}/metrics   (scrape this one)")
    if kafka := at.get(("broker", "kafka")):
        lines.append(f"broker      {kafka}   (any Kafka client)")
    if beacons := at.get(("ingest", "beacons")):
        added = command("site add example.com", config)
        lines.append(f"site        {added}   then paste this into its pages:")
        lines.append(snippet(f"http://{beacons}", "example.com"))
        lines.append(f"first look  {command('demo', config)}   simulates visitors on a small site")
    lines.append("stop        Ctrl-C")
    return lines


def snippet(origin: str, site: str) -> str:
    """The script tag that a page of `site` carries."""
    return f'<script defer src="{origin}/js/s.js" data-site="{site}"></script>'
