"""`make bench`: runs every tests/benchmarks/bench_*.py and writes docs/benchmarks.md.

`python -m tests.benchmarks.run NAME ...` runs only bench_NAME and prints without writing; a bench
whose tools are absent says so in its place.
"""

import importlib
import os
import platform
import sys
import time
from pathlib import Path

import pytest

from tests.benchmarks.table import markdown
from tests.support.tools import ROOT

REPORT = ROOT / "docs" / "benchmarks.md"
HEAD = """# Benchmarks

Written by `make bench`. Every ratio was taken in one run on one machine, a figure right after what
it is held against, so that it means something where the figure alone does not: a ratio of 1.00 is
as fast as (or as large as) what it is held against. Where rounds are named, both were measured in
turn and the median is shown; rounds that lie far apart mean a busy machine and a ratio to distrust.

"""


def conditions() -> str:
    """Where and when this ran."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1e9
    load = os.getloadavg()[0]
    model = next(
        (
            line.partition(":")[2].strip()
            for line in Path("/proc/cpuinfo").read_text().splitlines()
            if line.startswith("model name")
        ),
        platform.machine(),
    )
    return (
        f"Conditions: {time.strftime('%Y-%m-%d %H:%M', time.gmtime())} UTC,"
        f" Python {platform.python_version()}, Linux {platform.release()}, {os.cpu_count()} cores"
        f" ({model}), {memory:.0f} GB memory, load {load:.1f} before the run."
        " Client and server share these cores.\n\n"
    )


def main(names: list[str]) -> None:
    here = Path(__file__).parent
    chosen = names or sorted(path.stem.removeprefix("bench_") for path in here.glob("bench_*.py"))
    parts = []
    told = conditions()
    for name in chosen:
        module = importlib.import_module(f"tests.benchmarks.bench_{name}")
        title = getattr(module, "TITLE", name.replace("_", " ").capitalize())
        try:
            parts.append(markdown(title, module.rows()))
        except pytest.skip.Exception as absent:
            parts.append(f"## {title}\n\nNot measured in this run: {absent}.\n")
        print(parts[-1], flush=True)
    if not names:
        REPORT.write_text(HEAD + told + "\n".join(parts))


if __name__ == "__main__":
    main(sys.argv[1:])
