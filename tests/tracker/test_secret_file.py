import os
import stat
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


def test_folders_that_are_made_for_it_have_their_names_on_the_disk_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced, sync = [], os.fsync

    def watched(descriptor: int) -> None:
        sync(descriptor)
        synced.append(os.readlink(f"/proc/self/fd/{descriptor}"))

    monkeypatch.setattr(os, "fsync", watched)
    replace_file(tmp_path / "data" / "dashboard" / "users.json", b"new")

    assert {str(tmp_path), f"{tmp_path}/data", f"{tmp_path}/data/dashboard"} <= set(synced)


def test_what_cannot_be_written_leaves_the_old_one_and_nothing_else(tmp_path: Path) -> None:
    place = tmp_path / "salts.json"
    place.mkdir()  # a folder cannot be replaced by a file

    with pytest.raises(OSError):
        replace_file(place, b"new")

    assert list(tmp_path.iterdir()) == [place]
