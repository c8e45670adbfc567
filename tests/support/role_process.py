"""One role as a real process, to be killed and started again."""

import queue
import resource
import signal
import subprocess
import sys
import threading
from collections.abc import Sequence
from pathlib import Path

from tests.support.tools import ROOT

START_SECONDS = 60.0
STOP_SECONDS = 60.0


class RoleProcess:
    """`python -m tracker ROLE`; what it writes to stderr goes to a file beside its data."""

    def __init__(self, role: str, config: Path, data_dir: Path) -> None:
        self.log = data_dir / f"{role}.log"
        self._command: Sequence[str] = (
            *(sys.executable, "-m", "tracker", role),
            *("--config", str(config), "--data-dir", str(data_dir)),
        )
        self._process: subprocess.Popen[str] | None = None

    def start(self) -> str:
        """Its READY line; fails when it has not told one in time."""
        with self.log.open("a") as log:
            process = subprocess.Popen(
                self._command, cwd=ROOT, stdout=subprocess.PIPE, stderr=log, text=True
            )
        self._process = process
        lines: queue.Queue[str] = queue.Queue()
        assert process.stdout is not None
        threading.Thread(
            target=lambda stream: lines.put(stream.readline()), args=(process.stdout,), daemon=True
        ).start()
        line = lines.get(timeout=START_SECONDS)
        assert line.startswith("READY"), self.log.read_text()
        return line

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    def fill_disk(self) -> None:
        """No file of it takes another byte from now on, whatever it has open."""
        _, most = resource.prlimit(self.pid, resource.RLIMIT_FSIZE)
        resource.prlimit(self.pid, resource.RLIMIT_FSIZE, (0, most))

    def free_disk(self) -> None:
        """There is room again."""
        _, most = resource.prlimit(self.pid, resource.RLIMIT_FSIZE)
        resource.prlimit(self.pid, resource.RLIMIT_FSIZE, (most, most))

    def kill(self) -> None:
        """As a crash: kill -9."""
        self._end(signal.SIGKILL)

    def stop(self) -> int:
        """As an operator: SIGTERM; its exit code."""
        return self._end(signal.SIGTERM)

    def _end(self, number: signal.Signals) -> int:
        if self._process is None:
            return 0
        process, self._process = self._process, None
        process.send_signal(number)
        code = process.wait(STOP_SECONDS)
        assert process.stdout is not None
        process.stdout.close()
        return code
