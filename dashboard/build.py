"""Which commit runs here, for footfall_build_info: what pip noted, or the checkout we lie in.

Git itself is not asked: it need not be there. What was changed and not committed is not seen.
"""

import json
import re
from importlib import metadata
from pathlib import Path
from typing import Final

UNKNOWN: Final = "unknown"  # as the version libraries of Prometheus say it
_COMMIT: Final = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")  # SHA-1, or SHA-256
_HEAD_BYTES_MAX: Final = 4_096
_PACKED_BYTES_MAX: Final = 16_000_000  # a repository has many tags


def running_commit() -> str:
    """The commit; UNKNOWN for a package that was built from files."""
    note = metadata.distribution("footfall").read_text("direct_url.json")
    return noted_commit(note) or commit_of(Path(__file__).parents[1]) or UNKNOWN


def noted_commit(note: str | None) -> str:
    """What `pip install git+https://...` has noted (PEP 610); empty: nothing."""
    try:
        found = json.loads(note or "{}")["vcs_info"]["commit_id"]
    except (ValueError, LookupError, TypeError):
        return ""
    return _checked(str(found))


def commit_of(root: Path) -> str:
    """HEAD of the repository whose work tree is at `root`; empty: it is none, or not readable."""
    try:
        return _head(_git_directory(root / ".git")) if (root / "pyproject.toml").exists() else ""
    except (OSError, ValueError):
        return ""


def _git_directory(place: Path) -> Path:
    """`.git` itself, or where a further work tree (`git worktree`) says that it is."""
    if place.is_dir():
        return place
    return (place.parent / _line(place).removeprefix("gitdir: ")).resolve()


def _head(git: Path) -> str:
    head = _line(git / "HEAD")
    if not head.startswith("ref: "):
        return _checked(head)
    name, shared = head.removeprefix("ref: "), git
    if (git / "commondir").exists():
        shared = (git / _line(git / "commondir")).resolve()
    for place in (git / name, shared / name):
        if place.is_file():
            return _checked(_line(place))
    return _packed(shared / "packed-refs", name)


def _packed(file: Path, name: str) -> str:
    """A branch among those that git has packed into one file, lines of COMMIT NAME."""
    if file.stat().st_size > _PACKED_BYTES_MAX:
        return ""
    lines = (line.split(" ") for line in file.read_text().splitlines())
    return next((_checked(parts[0]) for parts in lines if parts[1:] == [name]), "")


def _line(file: Path) -> str:
    with file.open() as opened:
        return opened.read(_HEAD_BYTES_MAX).strip()


def _checked(text: str) -> str:
    return text if _COMMIT.fullmatch(text) else ""
