"""What crashes, disks and people do to a file, done to real files; of memory: memory_files."""

import shutil
from collections.abc import Callable
from pathlib import Path

Damage = Callable[[Path, Path], None]
"""Does it to the first path; the second is the folder of an older copy."""


def missing(path: Path, older: Path) -> None:
    path.unlink()


def empty(path: Path, older: Path) -> None:
    path.write_bytes(b"")


def cut(path: Path, older: Path) -> None:
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])


def zeros(path: Path, older: Path) -> None:
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2] + bytes(len(whole) - len(whole) // 2))


def nothing_but_zeros(path: Path, older: Path) -> None:
    path.write_bytes(bytes(path.stat().st_size))


def garbled(path: Path, older: Path) -> None:
    whole = bytearray(path.read_bytes())
    whole[::7] = bytes(byte ^ 0xFF for byte in whole[::7])
    path.write_bytes(whole)


def old(path: Path, older: Path) -> None:
    if (older / path.name).exists():
        shutil.copy(older / path.name, path)


DAMAGE: list[Damage] = [missing, empty, cut, zeros, nothing_but_zeros, garbled, old]
