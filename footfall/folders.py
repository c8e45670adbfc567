"""Folders whose names survive a power cut, and those of what lies in them."""

import os
from pathlib import Path


def make_folder(folder: Path) -> None:
    """With those above it that are missing; all their names are on disk. Raises OSError."""
    missing = [one for one in (folder, *folder.parents) if not one.exists()]
    folder.mkdir(parents=True, exist_ok=True)
    for one in missing:
        sync_folder(one.parent)


def sync_folder(folder: Path) -> None:
    """The names of what lies in it are on disk. Raises OSError."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
