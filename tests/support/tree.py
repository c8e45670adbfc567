"""The files of the repo, for tests that check the plan of the house."""

import subprocess
from functools import cache
from pathlib import Path

from tests.support.tools import ROOT

PACKAGES = ("broker", "tracker", "dashboard", "footfall")


@cache
def tracked() -> tuple[Path, ...]:
    """Files of the repo, committed or about to be; nothing that .gitignore leaves out."""
    listing = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"],
        cwd=ROOT,
        capture_output=True,
        check=False,
    )
    if listing.returncode == 0:
        found = [ROOT / name for name in listing.stdout.decode().split("\0") if name]
    else:  # an unpacked archive, without git
        found = [path for top in _visible_tops() for path in _below(top)]
    return tuple(sorted(path for path in found if path.is_file()))


def _visible_tops() -> list[Path]:
    return [path for path in ROOT.iterdir() if not path.name.startswith(".") or path.name == ".ci"]


def _below(top: Path) -> list[Path]:
    return [top] if top.is_file() else [path for path in top.rglob("*") if path.is_file()]


def python_files(*tops: str) -> list[Path]:
    """Python files under these top-level directories; all packages and tests when none is named."""
    wanted = tops or (*PACKAGES, "tests", "grafana")
    return [path for path in tracked() if path.suffix == ".py" and _top(path) in wanted]


def _top(path: Path) -> str:
    return path.relative_to(ROOT).parts[0]


def shown(path: Path) -> str:
    """Its path from the repo's root."""
    return str(path.relative_to(ROOT))
