import os
import stat
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tracker.secret_file import replace_file


def test_only_the_owner_reads_it_and_the_old_one_is_gone(tmp_path: Path) -> None:
    path = tmp_path / "kept" / "salts.json"

    replace_file(path, b"old")
    replace_file(path, b"new")

    assert path.read_bytes() == b"new"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert list(path.parent.iterdir()) == [path]


def test_it_is_on_the_disk_before_it_has_its_name_and_its_name_before_it_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, synced = tmp_path / "salts.json", []
    sync = os.fsync

    def watched(descriptor: int) -> None:
        sync(descriptor)
        synced.append((stat.S_ISDIR(os.fstat(descriptor).st_mode), path.exists()))

    monkeypatch.setattr(os, "fsync", watched)
    replace_file(path, b"new")

    assert synced == [(False, False), (True, True)]  # (a folder, the file has its name)


KILLED = """
import os, sys
from pathlib import Path
from tracker.secret_file import replace_file

os.fsync = lambda descriptor: os.kill(os.getpid(), 9)  # just before the file gets its name
replace_file(Path(sys.argv[1]), b"the secret of a day that is over")
"""


def test_what_a_killed_writer_left_is_gone_with_the_next_content(tmp_path: Path) -> None:
    path = tmp_path / "salts.json"
    killed = subprocess.run([sys.executable, "-c", KILLED, str(path)], check=False).returncode
    left = [one.read_bytes() for one in tmp_path.iterdir()]

    replace_file(path, b"new")

    assert (killed, left) == (-9, [b"the secret of a day that is over"])
    assert [one.read_bytes() for one in tmp_path.iterdir()] == [b"new"]


def test_of_many_writers_at_once_each_writes_a_whole_one(tmp_path: Path) -> None:
    path = tmp_path / "salts.json"
    contents = [bytes([number]) * (number + 1) * 10_000 for number in range(16)]

    def write(content: bytes) -> bytes:
        replace_file(path, content)
        return path.read_bytes()

    with ThreadPoolExecutor(len(contents)) as writers:
        seen = set(writers.map(write, contents * 3))

    assert seen <= set(contents)
    assert list(tmp_path.iterdir()) == [path]


def test_what_cannot_be_written_leaves_the_old_one_and_nothing_else(tmp_path: Path) -> None:
    place = tmp_path / "salts.json"
    place.mkdir()  # a folder cannot be replaced by a file

    with pytest.raises(OSError):
        replace_file(place, b"new")

    assert list(tmp_path.iterdir()) == [place]
