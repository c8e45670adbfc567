"""A process that a library in C ends: it says where all its threads stood."""

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.ports import free_port
from tests.support.tools import ROOT


@pytest.mark.parametrize("module", ["tracker aggregate", "dashboard"])
def test_a_role_that_is_aborted_tells_where(module: str, tmp_path: Path) -> None:
    config = tmp_path / "footfall.toml"
    config.write_text(
        '[kafka]\nbootstrap_servers = "127.0.0.1:1"\n[stream]\nmetrics_port = 0\n'
        f"[dashboard]\nport = {free_port()}\n"
    )
    command = [sys.executable, "-m", *module.split(), "--config", str(config)]
    with subprocess.Popen(
        [*command, "--data-dir", str(tmp_path / "data")],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=ROOT,
    ) as role:
        assert role.stdout is not None
        assert role.stdout.readline().startswith("READY")
        role.send_signal(signal.SIGABRT)
        told = role.communicate()[1]

    # Threads that go on while they are written down may change under the writer's hands
    # (faulthandler holds no lock), so that it faults after it has told most.
    assert role.returncode in {-signal.SIGABRT, -signal.SIGSEGV}
    assert "Fatal Python error: Aborted" in told
    assert "most recent call first" in told
