"""The kernel syncs files by itself and tells when it is done."""

import os
import platform
import select
from collections.abc import Iterator
from pathlib import Path

import pytest

from broker.storage.kernel_syncs import SYNCS_MAX, KernelSyncs


@pytest.fixture
def kernel() -> Iterator[KernelSyncs]:
    try:
        syncs = KernelSyncs()
    except OSError as refusal:
        pytest.skip(f"this kernel or sandbox has no AIO: {refusal}")
    yield syncs
    syncs.close()


def wait_for(kernel: KernelSyncs, count: int) -> list[tuple[int, int]]:
    found: list[tuple[int, int]] = []
    poll = select.poll()
    poll.register(kernel.descriptor, select.POLLIN)
    while len(found) < count:
        assert poll.poll(30_000), "no completion"
        found += kernel.completed()
    return sorted(found)


@pytest.mark.parametrize("count", [1, 12, SYNCS_MAX])
def test_each_sync_is_told_once_by_its_place(
    kernel: KernelSyncs, tmp_path: Path, count: int
) -> None:
    with (tmp_path / "log").open("wb", buffering=0) as file:
        file.write(b"x")
        for _ in range(2):
            assert kernel.submit([file.fileno()] * count) == count

            assert wait_for(kernel, count) == [(place, 0) for place in range(count)]
    assert kernel.completed() == []


def test_what_cannot_be_synced_is_not_taken_and_all_before_it_is(
    kernel: KernelSyncs, tmp_path: Path
) -> None:
    reading, writing = os.pipe()
    with (tmp_path / "log").open("wb") as file:
        taken = kernel.submit([file.fileno(), writing, file.fileno()])
        found = wait_for(kernel, taken)
    os.close(reading)
    os.close(writing)

    assert (taken, found) == (1, [(0, 0)])


def test_a_file_may_be_closed_while_it_is_synced(kernel: KernelSyncs, tmp_path: Path) -> None:
    descriptor = os.open(tmp_path / "log", os.O_WRONLY | os.O_CREAT)
    os.write(descriptor, bytes(1_000_000))
    kernel.submit([descriptor])
    os.close(descriptor)

    assert wait_for(kernel, 1) == [(0, 0)]


def test_a_machine_whose_calls_are_not_known_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(platform, "machine", lambda: "vax")

    with pytest.raises(OSError, match="vax"):
        KernelSyncs()


def test_a_kernel_that_has_no_such_call_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("broker.storage.kernel_syncs._CALLS", {platform.machine(): (9999,) * 4})

    with pytest.raises(OSError, match="not implemented"):
        KernelSyncs()
