"""The operating system's files: what storage counts on, tried on a real disk."""

import errno
import os
from pathlib import Path

import psutil
import pytest

from broker.errors import ErrorCode, KafkaError, StorageError
from broker.storage.files import File, OsFiles


@pytest.fixture
def file(tmp_path: Path) -> File:
    return OsFiles().open(str(tmp_path / "data"), create=True)


def test_appends_follow_each_other_and_are_read_back(file: File) -> None:
    first = file.append([b"abc", memoryview(b"de")])
    second = file.append([b"f"])

    assert (first, second, file.size) == (0, 5, 6)
    assert file.read(1, 4) == b"bcde"
    assert file.read(4, 100) == b"ef"
    assert file.read(6, 1) == b""


def test_more_chunks_than_one_call_takes_are_all_written(file: File) -> None:
    file.append([b"%04d" % number for number in range(3000)])

    assert file.size == 12_000
    assert file.read(11_996, 4) == b"2999"


def test_a_truncated_file_goes_on_at_its_new_end(file: File) -> None:
    file.append([b"abcdef"])

    file.truncate(2)
    position = file.append([b"x"])

    assert position == 2
    assert file.read(0, 10) == b"abx"


def test_a_full_disk_takes_back_what_it_had_written(
    file: File, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A short write followed by ENOSPC, as a disk fills up in the middle of a batch."""
    file.append([b"before"])
    real_pwritev = os.pwritev
    monkeypatch.setattr(os, "pwritev", lambda fd, chunks, at: real_pwritev(fd, [chunks[0][:2]], at))

    def no_space(*arguments: object) -> int:
        raise OSError(errno.ENOSPC, "no space left on device")

    monkeypatch.setattr(os, "pwrite", no_space)

    with pytest.raises(KafkaError) as refusal:
        file.append([b"after"])

    assert refusal.value.code == ErrorCode.KAFKA_STORAGE_ERROR
    assert os.path.getsize(file.path) == file.size == 6


def test_short_writes_are_completed(file: File, monkeypatch: pytest.MonkeyPatch) -> None:
    real_pwritev, real_pwrite = os.pwritev, os.pwrite
    monkeypatch.setattr(os, "pwritev", lambda fd, chunks, at: real_pwritev(fd, [chunks[0][:1]], at))
    monkeypatch.setattr(os, "pwrite", lambda fd, data, at: real_pwrite(fd, data[:2], at))

    file.append([b"abc", b"defg"])

    assert file.read(0, 10) == b"abcdefg"


def test_an_error_of_the_disk_is_damage(file: File, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*arguments: object) -> int:
        raise OSError(errno.EIO, "input/output error")

    monkeypatch.setattr(os, "pwritev", broken)

    with pytest.raises(StorageError, match="cannot append to"):
        file.append([b"x"])


def test_a_failed_sync_is_not_tried_again(file: File, monkeypatch: pytest.MonkeyPatch) -> None:
    real_sync = os.fdatasync
    calls: list[int] = []

    def fail_once(descriptor: int) -> None:
        calls.append(descriptor)
        if len(calls) == 1:
            raise OSError(errno.EIO, "input/output error")
        real_sync(descriptor)

    monkeypatch.setattr(os, "fdatasync", fail_once)

    for _ in range(2):
        with pytest.raises(StorageError):
            file.sync()

    assert len(calls) == 1


def test_a_removed_file_stays_readable_while_somebody_holds_it(file: File) -> None:
    file.append([b"abc"])

    OsFiles().remove(file.path)

    assert file.read(0, 3) == b"abc"
    descriptor = file.dup()
    try:
        assert os.pread(descriptor, 3, 0) == b"abc"
    finally:
        os.close(descriptor)


def test_a_file_closes_itself_when_nobody_holds_it(tmp_path: Path) -> None:
    files = OsFiles()
    for number in range(50):
        files.open(str(tmp_path / f"{number}"), create=True).append([b"x"])
    held = files.open(str(tmp_path / "held"), create=True)

    ours = [one.path for one in psutil.Process().open_files() if str(tmp_path) in one.path]
    assert ours == [held.path]


def test_a_lock_is_held_once(tmp_path: Path) -> None:
    files, path = OsFiles(), str(tmp_path / ".lock")
    lock = files.lock(path)

    with pytest.raises(StorageError, match="another broker uses this directory"):
        files.lock(path)
    lock.release()

    files.lock(path).release()


def test_directories_are_made_listed_renamed_and_removed(tmp_path: Path) -> None:
    files, top = OsFiles(), str(tmp_path / "a" / "b")
    files.make_directory(top)
    files.make_directory(top)
    files.open(f"{top}/two", create=True)
    files.open(f"{top}/one", create=True)

    names = files.list_directory(top)
    files.sync_directory(top)
    files.rename(top, f"{top}-delete")
    files.remove_directory(f"{top}-delete")
    files.remove_directory(f"{top}-delete")
    files.remove(f"{top}/nothing")

    assert names == ["one", "two"]
    assert not files.exists(f"{top}-delete")
    assert files.free_bytes(str(tmp_path)) > 0
    with pytest.raises(StorageError, match="cannot list"):
        files.list_directory(top)
    with pytest.raises(StorageError, match="cannot open"):
        files.open(f"{top}/three", create=True)
    with pytest.raises(FileNotFoundError):
        files.open(f"{top}/three")


def test_a_directory_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")

    with pytest.raises(StorageError, match="cannot make directory"):
        OsFiles().make_directory(str(tmp_path / "file" / "below"))
