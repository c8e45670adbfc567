"""`make bench`: runs every tests/benchmarks/bench_*.py and writes docs/benchmarks.md.

    python -m tests.benchmarks.run [NAME ...] [--rows TEXT] [--minutes N] [--resume]

With NAMEs only bench_NAME is measured; the page keeps the newest figures of the others. With
`--rows` only runs that have TEXT in their names, which are printed and not written. `--resume`
measures only what is not yet there (a run that was cut short goes on with it). A bench whose tools
are absent, or that fails, says so in its place. Figures lie in .cache/bench until the next run.
"""

import argparse
import importlib
import json
import os
import platform
import time
import traceback
from dataclasses import asdict
from pathlib import Path

import pytest

from tests.benchmarks.plan import Plan
from tests.benchmarks.table import Row, markdown
from tests.support.tools import ROOT

REPORT = ROOT / "docs" / "benchmarks.md"
MEASURED = ROOT / ".cache" / "bench"
SHARES = {"against_kafka": 0.5, "appliance": 0.2}  # of the minutes; the others take a few seconds
HEAD = """# Benchmarks

Written by `make bench`. Every ratio was taken in one run on one machine, a figure right after what
it is held against, so that it means something where the figure alone does not: a ratio of 1.00 is
as fast as (or as large as) what it is held against. Where rounds are named, both were measured in
turn and the median is shown; rounds that lie far apart mean a busy machine and a ratio to distrust.
Beside Apache Kafka, rows within a tenth of a tie get more rounds, whichever side leads.

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
        " Client and server share these cores."
    )


def measure(name: str, plan: Plan) -> str:
    """One bench as a section of the page; kept, unless it failed or was asked for some rows."""
    module = importlib.import_module(f"tests.benchmarks.bench_{name}")
    told, rows, failure = conditions(), [], ""
    try:
        part = plan.part(SHARES.get(name, 0.1))
        rows = [row for row in module.rows(part) if plan.wants(row.name)]
    except pytest.skip.Exception as absent:
        failure = str(absent)
    except Exception as error:  # noqa: BLE001 - the others are measured all the same
        traceback.print_exc()
        failure = f"{type(error).__name__}: {error}".splitlines()[0]
    if not failure and not plan.rows:
        MEASURED.mkdir(parents=True, exist_ok=True)
        kept = {"conditions": told, "rows": [asdict(row) for row in rows]}
        (MEASURED / f"{name}.json").write_text(json.dumps(kept, indent=1))
    return section(name, told, rows, failure)


def kept_section(name: str) -> str:
    """What was measured last."""
    path = MEASURED / f"{name}.json"
    if not path.exists():
        return section(name, "", [], "it was not asked for")
    kept = json.loads(path.read_text())
    return section(name, kept["conditions"], [Row(**row) for row in kept["rows"]], "")


def section(name: str, told: str, rows: list[Row], failure: str) -> str:
    module = importlib.import_module(f"tests.benchmarks.bench_{name}")
    title = getattr(module, "TITLE", name.replace("_", " ").capitalize())
    if failure:
        return f"## {title}\n\nNot measured in this run: {failure}.\n"
    return markdown(title, told, rows)


def main() -> None:
    parser = argparse.ArgumentParser(prog="make bench")
    parser.add_argument("names", nargs="*", metavar="NAME")
    parser.add_argument("--rows", default="", help="only rows that begin with a run of this name")
    parser.add_argument("--minutes", type=float, default=20.0, help="for all of it, about")
    parser.add_argument("--resume", action="store_true", help="keep what is measured already")
    options = parser.parse_args()
    here = Path(__file__).parent
    every = sorted(path.stem.removeprefix("bench_") for path in here.glob("bench_*.py"))
    chosen = options.names or every
    if options.resume:
        chosen = [name for name in chosen if not (MEASURED / f"{name}.json").exists()]
    plan = Plan(options.rows, options.minutes)
    measured = {}
    for name in chosen:
        measured[name] = measure(name, plan)
        print(measured[name], flush=True)
    if not plan.rows:
        sections = [measured.get(name) or kept_section(name) for name in every]
        REPORT.write_text(HEAD + "\n".join(sections))


if __name__ == "__main__":
    main()
