import os
from pathlib import Path

import pytest

from footfall.data_dir import prepare
from footfall.data_format import claim
from footfall.folders import make_folder
from tracker.secret_file import replace_file


@pytest.fixture
def synced(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What was synced, oldest first."""
    found, sync = [], os.fsync

    def watched(descriptor: int) -> None:
        sync(descriptor)
        found.append(os.readlink(f"/proc/self/fd/{descriptor}"))

    monkeypatch.setattr(os, "fsync", watched)
    return found


def test_the_names_of_all_that_are_made_are_on_the_disk(tmp_path: Path, synced: list[str]) -> None:
    make_folder(tmp_path / "data" / "ingest")

    assert (tmp_path / "data" / "ingest").is_dir()
    assert set(synced) == {str(tmp_path), f"{tmp_path}/data"}


def test_a_folder_that_is_there_costs_nothing(tmp_path: Path, synced: list[str]) -> None:
    make_folder(tmp_path)

    assert synced == []


def test_the_data_directory_itself_is_on_the_disk_whoever_makes_it(
    tmp_path: Path, synced: list[str]
) -> None:
    """The broker syncs the names of what it makes: this one is there when it comes."""
    prepare(tmp_path / "one" / "data", free_bytes_min=0)
    claim(tmp_path / "other" / "data")

    assert {str(tmp_path), f"{tmp_path}/one", f"{tmp_path}/other"} <= set(synced)


def test_folders_for_a_secret_are_on_the_disk(tmp_path: Path, synced: list[str]) -> None:
    replace_file(tmp_path / "data" / "dashboard" / "users.json", b"new")

    assert {str(tmp_path), f"{tmp_path}/data", f"{tmp_path}/data/dashboard"} <= set(synced)
