"""A whole Footfall for tests: `footfall up` with free ports and its own data directory."""

import os
import signal
import sqlite3
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from tests.support.ports import free_port
from tests.support.tools import ROOT

IS_UP = "Footfall is up"
START_SECONDS = 90.0
STOP_SECONDS = 60.0
PORTS = (
    "broker",
    "broker_metrics",
    "ingest",
    "ingest_metrics",
    "stream_metrics",
    "export_metrics",
    "dashboard",
)
MODULES = {
    "broker": ["-m", "broker"],
    "ingest": ["-m", "tracker", "ingest"],
    "aggregate": ["-m", "tracker", "aggregate"],
    "export": ["-m", "tracker", "export"],
    "dashboard": ["-m", "dashboard"],
}


@dataclass(slots=True)
class Told:
    """Lines that a process wrote, and a way to wait for one of them."""

    lines: list[str] = field(default_factory=list)
    times: list[float] = field(default_factory=list)
    """When each line came, in seconds since 1970."""
    changed: threading.Condition = field(default_factory=threading.Condition)
    ended: bool = False

    def follow(self, stream: "subprocess.Popen[str]") -> None:
        assert stream.stdout is not None
        with stream.stdout as lines:
            for line in lines:
                with self.changed:
                    self.lines.append(line.rstrip("\n"))
                    self.times.append(time.time())
                    self.changed.notify_all()
        with self.changed:
            self.ended = True
            self.changed.notify_all()

    def wait_for(self, words: str, seconds: float, times: int = 1) -> None:
        """Returns when `words` was told so often; fails with all that was told."""

        def heard() -> bool:
            return sum(words in line for line in self.lines) >= times

        with self.changed:
            self.changed.wait_for(lambda: heard() or self.ended, seconds)
            assert heard(), f"{words!r} was not told within {seconds} s:\n" + self.text()

    def text(self) -> str:
        return "\n".join(self.lines[-200:])


class Appliance:
    """Starts, stops and kills; keeps ports and data over restarts."""

    def __init__(self, directory: Path, extra: dict[str, dict[str, str]] | None = None) -> None:
        self.directory = directory
        self.data_dir = directory / "data"
        self.config = directory / "footfall.toml"
        self.ports = {name: free_port() for name in PORTS}
        self.dashboard = f"http://127.0.0.1:{self.ports['dashboard']}"
        self.ingest = f"http://127.0.0.1:{self.ports['ingest']}"
        self.bootstrap = f"127.0.0.1:{self.ports['broker']}"
        self.told = Told()
        self._process: subprocess.Popen[str] | None = None
        self.write_settings(extra or {})

    def write_settings(self, extra: dict[str, dict[str, str]]) -> None:
        """Our own ports, and what `extra` says for its sections; the next start reads them."""
        ports = self.ports
        roles = ", ".join(
            f'"{role}=http://127.0.0.1:{ports[key]}/metrics"'
            for role, key in (
                ("broker", "broker_metrics"),
                ("ingest", "ingest_metrics"),
                ("aggregate", "stream_metrics"),
                ("export", "export_metrics"),
            )
        )
        sections: dict[str, dict[str, str]] = {
            "broker": {"port": str(ports["broker"]), "metrics_port": str(ports["broker_metrics"])},
            "kafka": {"bootstrap_servers": f'"{self.bootstrap}"'},
            "ingest": {"port": str(ports["ingest"]), "metrics_port": str(ports["ingest_metrics"])},
            "stream": {"metrics_port": str(ports["stream_metrics"])},
            "export": {"metrics_port": str(ports["export_metrics"])},
            "dashboard": {
                "port": str(ports["dashboard"]),
                "tracker_url": f'"{self.ingest}"',
                "role_metrics": f"[{roles}]",
            },
        }
        for section, body in extra.items():
            sections.setdefault(section, {}).update(body)
        lines = []
        for section, body in sections.items():
            lines.append(f"[{section}]")
            lines += [f"{key} = {value}" for key, value in body.items()]
        self.config.write_text("\n".join(lines) + "\n")

    def arguments(self) -> list[str]:
        return ["--config", str(self.config), "--data-dir", str(self.data_dir)]

    def launch(self) -> None:
        """Starts the process and does not wait until it serves."""
        self.told = Told()
        self._process = subprocess.Popen(
            [sys.executable, "-m", "footfall", "up", *self.arguments()],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            cwd=ROOT,
            env={**os.environ, "PYTHONWARNINGS": "default"},
        )
        self._reader = threading.Thread(target=self.told.follow, args=(self._process,))
        self._reader.start()

    def start(self) -> None:
        """Returns when every role serves."""
        self.launch()
        self.told.wait_for(IS_UP, START_SECONDS)

    @property
    def supervisor(self) -> "subprocess.Popen[str]":
        assert self._process is not None
        return self._process

    def stop(self, number: int = signal.SIGTERM) -> int:
        """Asks it to stop; its exit code."""
        self.supervisor.send_signal(number)
        return self.supervisor.wait(STOP_SECONDS)

    def close(self) -> None:
        """Ends what still runs, for the end of a test."""
        if self._process is None:
            return
        family = self.children()
        if self._process.poll() is None:
            self._process.terminate()
            try:
                self._process.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                self._process.kill()
        for process in family:
            if process.is_running():
                process.kill()
        self._process.wait(STOP_SECONDS)
        self._reader.join(STOP_SECONDS)

    def children(self) -> list[psutil.Process]:
        try:
            return psutil.Process(self.supervisor.pid).children(recursive=True)
        except psutil.NoSuchProcess:
            return []

    def role_process(self, role: str) -> psutil.Process:
        """The process that plays a role now."""
        wanted = MODULES[role]
        for process in psutil.Process(self.supervisor.pid).children():
            line = process.cmdline()
            if any(line[at : at + len(wanted)] == wanted for at in range(len(line))):
                return process
        raise AssertionError(f"no process plays {role}:\n{self.told.text()}")

    def kill_role(self, role: str) -> None:
        """kill -9, and waits until the supervisor has brought it back."""
        serves = f"{role:<9} | serves"
        before = sum(serves in line for line in self.told.lines)
        self.role_process(role).send_signal(signal.SIGKILL)
        self.told.wait_for(serves, START_SECONDS, before + 1)

    def footfall(self, *arguments: str) -> "subprocess.CompletedProcess[str]":
        """Runs a command against this appliance."""
        return subprocess.run(
            [sys.executable, "-m", "footfall", *arguments, "--config", str(self.config)],
            capture_output=True,
            text=True,
            cwd=ROOT,
            timeout=100,
            check=False,
        )

    def warehouse(self, query: str, *values: object) -> list[tuple[object, ...]]:
        """Rows of the warehouse; none while it does not exist."""
        path = self.data_dir / "warehouse.db"
        if not path.exists():
            return []
        with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=30)) as database:
            try:
                return list(database.execute(query, values))
            except sqlite3.OperationalError as error:
                if "no such table" in str(error):
                    return []
                raise


def fetch(url: str, seconds: float = 10.0) -> tuple[int, str]:
    """Status and text of a GET; an error status is an answer too."""
    try:
        with urllib.request.urlopen(url, timeout=seconds) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read().decode(errors="replace")


def eventually(holds: Callable[[], bool], seconds: float, what: Callable[[], str]) -> None:
    """Looks again and again until `holds`; fails with `what` when time is up."""
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline, f"not within {seconds} s: {what()}"
        time.sleep(0.1)
