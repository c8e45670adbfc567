"""The process of a role: how it starts, waits and ends when the world is not ready."""

import socket
import subprocess
import sys
import urllib.request
from pathlib import Path

import pytest

from tests.support.ports import free_port
from tests.support.role_process import RoleProcess
from tests.support.tools import ROOT

pytestmark = [pytest.mark.system, pytest.mark.parametrize("role", ["aggregate", "export"])]

SECTIONS = {"aggregate": "stream", "export": "export"}


def config(directory: Path, role: str, metrics_port: int) -> Path:
    path = directory / "footfall.toml"
    path.write_text(
        f'[kafka]\nbootstrap_servers = "127.0.0.1:{free_port()}"\n'
        f"[{SECTIONS[role]}]\nmetrics_port = {metrics_port}\n"
    )
    return path


def test_without_a_broker_it_serves_metrics_waits_and_ends_cleanly(
    role: str, tmp_path: Path
) -> None:
    process = RoleProcess(role, config(tmp_path, role, 0), tmp_path)

    line = process.start()
    with urllib.request.urlopen(line.split()[-1], timeout=5) as answer:
        metrics = answer.read().decode()
    code = process.stop()

    assert "footfall_export_failures_total" in metrics
    assert code == 0


def test_a_taken_port_is_said_in_one_line(role: str, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        arguments = ["--config", str(config(tmp_path, role, port)), "--data-dir", str(tmp_path)]

        ended = subprocess.run(
            [sys.executable, "-m", "tracker", role, *arguments],
            cwd=ROOT,
            capture_output=True,
            text=True,
            timeout=30,
            check=False,
        )

    assert ended.returncode == 1
    assert f"127.0.0.1:{port} is taken" in ended.stderr
    assert "READY" not in ended.stdout


def test_a_data_directory_that_cannot_be_used_is_waited_for(role: str, tmp_path: Path) -> None:
    data_dir = tmp_path / "data"
    data_dir.mkdir()
    name = {"aggregate": "rollups.db", "export": "warehouse.db"}[role]
    (data_dir / name).mkdir()  # a directory where the file should be
    process = RoleProcess(role, config(tmp_path, role, 0), data_dir)

    process.start()
    code = process.stop()

    assert code == 0
