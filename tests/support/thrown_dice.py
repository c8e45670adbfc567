"""A run by dice leaves its seed and what it did where a person finds them, however it ends.

    with thrown_dice(tmp_path) as seed: ...

The seed is printed, and stands in `.cache/runs/seeds.txt` before the run begins: the output of a
run that hung, was killed or told too much may be lost. When the run fails its directory (histories,
logs, data) is kept as `.cache/runs/failed-SEED`, and the failure says so.
"""

import os
import random
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from tests.support.tools import ROOT

RUNS: Final = ROOT / ".cache" / "runs"
KEPT: Final = 8
"""Failed runs; of older ones the seed stays."""
SEED_FROM: Final = "FOOTFALL_TEST_SEED"


@contextmanager
def thrown_dice(directory: Path, runs: Path = RUNS) -> Iterator[int]:
    """The seed of the run that the block is: given by FOOTFALL_TEST_SEED, or new."""
    given = os.environ.get(SEED_FROM)
    seed = int(given) if given else random.SystemRandom().randrange(2**32)
    test = os.environ.get("PYTEST_CURRENT_TEST", "by hand").partition(" (")[0]
    print(f"seed {seed}")
    _note(runs, f"{seed} begins in {directory}: {test}")
    began_s = time.monotonic()
    try:
        yield seed
    except BaseException as failure:  # a time limit of pytest's is no Exception
        kept = _keep(directory, runs, seed)
        _note(runs, f"{seed} failed after {time.monotonic() - began_s:.0f} s, kept in {kept}")
        failure.add_note(f"{SEED_FROM}={seed} plays these dice again; what happened is in {kept}")
        raise
    _note(runs, f"{seed} passed after {time.monotonic() - began_s:.0f} s")


def _note(runs: Path, line: str) -> None:
    """One line with its time; a line of this length is written whole beside other workers'."""
    runs.mkdir(parents=True, exist_ok=True)
    with (runs / "seeds.txt").open("a") as file:
        file.write(f"{time.strftime('%Y-%m-%d %H:%M:%S')} {line}\n")


def _keep(directory: Path, runs: Path, seed: int) -> Path:
    kept = runs / f"failed-{seed}"
    shutil.rmtree(kept, ignore_errors=True)
    shutil.copytree(directory, kept, symlinks=True, ignore=_sockets, dirs_exist_ok=True)
    older = sorted(runs.glob("failed-*"), key=lambda path: path.stat().st_ctime_ns)[:-KEPT]
    for path in older:
        shutil.rmtree(path, ignore_errors=True)
    return kept


def _sockets(directory: str, names: list[str]) -> list[str]:
    """What is no file and cannot be copied."""
    paths = {name: Path(directory, name) for name in names}
    return [name for name, path in paths.items() if path.is_socket() or path.is_fifo()]
