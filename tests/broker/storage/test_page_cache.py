"""Bytes that are in memory are not read to be sure of it."""

import os
from pathlib import Path

import pytest

from broker.storage import page_cache
from broker.storage.file_slice import FileSlice
from broker.storage.files import OsFile
from broker.storage.page_cache import PageCache

BYTES = 1_000_000


class Watched(OsFile):
    """Tells which bytes were read."""

    def __init__(self, path: Path) -> None:
        super().__init__(str(path), create=True)
        self.reads: list[tuple[int, int]] = []

    def read(self, position: int, length: int) -> bytes:
        self.reads.append((position, length))
        return super().read(position, length)


@pytest.fixture
def written(tmp_path: Path) -> Watched:
    file = Watched(tmp_path / "written")
    file.append([bytes(BYTES)])
    return file


@pytest.fixture
def hole(tmp_path: Path) -> Watched:
    """A file that nobody has written: no page of it is in memory."""
    file = Watched(tmp_path / "hole")
    file.truncate(BYTES)
    return file


@pytest.fixture
def needs_cachestat(written: Watched) -> None:
    if not PageCache().has(written.descriptor, 0, BYTES):
        pytest.skip("this kernel or sandbox has no cachestat")


@pytest.mark.usefixtures("needs_cachestat")
@pytest.mark.parametrize(("position", "length"), [(0, 1), (0, BYTES), (4095, 2), (8192, 100_000)])
def test_what_was_just_written_is_in_memory_and_a_hole_is_not(
    written: Watched, hole: Watched, position: int, length: int
) -> None:
    assert written.is_cached(position, length)
    assert not hole.is_cached(position, length)


@pytest.mark.usefixtures("needs_cachestat")
def test_what_lies_half_in_a_hole_is_not_in_memory(hole: Watched) -> None:
    os.pwrite(hole.descriptor, bytes(8192), 0)

    assert hole.is_cached(0, 8192)
    assert not hole.is_cached(0, 8193)
    assert not hole.is_cached(BYTES - 1, 1)


@pytest.mark.usefixtures("needs_cachestat")
def test_only_what_is_not_in_memory_is_read_before_it_is_sent(
    written: Watched, hole: Watched
) -> None:
    FileSlice(written, 5, BYTES - 5).load()
    FileSlice(hole, 5, BYTES - 5).load()

    assert written.reads == []
    assert hole.reads[0][0] == 5
    assert sum(length for _, length in hole.reads) == BYTES - 5
    for (position, length), (following, _) in zip(hole.reads, hole.reads[1:], strict=False):
        assert position + length == following


@pytest.mark.parametrize("absent", ["call", "machine"])
def test_where_nobody_knows_all_is_read(
    written: Watched, monkeypatch: pytest.MonkeyPatch, absent: str
) -> None:
    if absent == "call":
        monkeypatch.setattr(page_cache, "_CACHESTAT", 9999)
    else:
        monkeypatch.setattr(page_cache, "_MACHINES", ())
    monkeypatch.setattr("broker.storage.files.PAGE_CACHE", PageCache())

    FileSlice(written, 0, BYTES).load()

    assert sum(length for _, length in written.reads) == BYTES
