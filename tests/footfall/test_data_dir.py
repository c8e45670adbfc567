"""What stops a start, and what each refusal tells to do."""

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from footfall.data_dir import StartRefused, check_ports, lock, prepare, running_supervisor
from footfall.roles import Address

GONE = 2**22 + 1  # above the kernel's largest process id


def test_a_missing_data_directory_is_made(tmp_path: Path) -> None:
    prepare(tmp_path / "new" / "data", free_bytes_min=0)

    assert list((tmp_path / "new" / "data").iterdir()) == []


def test_a_file_in_the_place_of_the_directory_is_refused(tmp_path: Path) -> None:
    (tmp_path / "data").write_text("")

    with pytest.raises(StartRefused, match="is not a directory: choose another --data-dir"):
        prepare(tmp_path / "data", free_bytes_min=0)


def test_a_directory_that_cannot_be_written_is_refused() -> None:
    with pytest.raises(StartRefused, match="cannot write to data directory /proc/none"):
        prepare(Path("/proc/none"), free_bytes_min=0)


def test_a_disk_that_is_nearly_full_is_refused(tmp_path: Path) -> None:
    with pytest.raises(StartRefused, match="less than disk_free_bytes_min"):
        prepare(tmp_path, free_bytes_min=2**62)


def test_a_second_instance_is_refused_and_told_who_is_there(tmp_path: Path) -> None:
    held = lock(tmp_path)

    with pytest.raises(StartRefused, match=f"another Footfall \\(process {os.getpid()}\\)"):
        lock(tmp_path)

    assert running_supervisor(tmp_path) == os.getpid()
    held.release()
    assert running_supervisor(tmp_path) is None


def test_a_lock_file_that_was_left_behind_does_not_refuse(tmp_path: Path) -> None:
    (tmp_path / ".lock").write_text("1")

    lock(tmp_path).release()

    assert running_supervisor(tmp_path) is None


def test_children_of_a_killed_supervisor_are_waited_for(tmp_path: Path) -> None:
    """The lock's descriptor lives on in the child; its text names a process that is gone."""
    held = lock(tmp_path)
    child = subprocess.Popen(
        [sys.executable, "-S", "-c", "input()"],
        stdin=subprocess.PIPE,
        pass_fds=(held.descriptor,),
    )
    (tmp_path / ".lock").write_text(str(GONE))
    held.release()
    with pytest.raises(StartRefused, match="processes of an earlier Footfall still use"):
        lock(tmp_path, orphans_seconds=0)

    child.communicate(b"\n")

    lock(tmp_path, orphans_seconds=0).release()


def test_a_taken_port_is_refused_with_its_setting() -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        address = Address("dashboard", "dashboard", "pages", "127.0.0.1", port, "port")

        with pytest.raises(StartRefused, match=f"port 127.0.0.1:{port} .* is taken.*port in"):
            check_ports([address])


def test_a_free_port_and_any_port_are_fine() -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]

    check_ports([Address("x", "x", "x", "127.0.0.1", wanted, "port") for wanted in (port, 0, -1)])


def test_a_host_that_is_not_ours_is_refused() -> None:
    address = Address("broker", "broker", "kafka", "192.0.2.1", 9092, "port")

    with pytest.raises(StartRefused, match=r"the broker cannot listen on 192\.0\.2\.1:9092"):
        check_ports([address])
