"""The commit that footfall_build_info names."""

import json
import subprocess
from pathlib import Path

import pytest

from dashboard.build import UNKNOWN, commit_of, noted_commit, running_commit

COMMIT = "0123456789abcdef0123456789abcdef01234567"


def git(where: Path, *arguments: str) -> str:
    who = ("-c", "user.name=ann", "-c", "user.email=ann@example.com")
    told = subprocess.run(
        ["git", *who, *arguments], cwd=where, check=True, capture_output=True, text=True
    )
    return told.stdout.strip()


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A repository of one commit."""
    root = tmp_path / "checkout"
    root.mkdir()
    git(root, "init", "--quiet")
    (root / "pyproject.toml").touch()
    git(root, "add", "pyproject.toml")
    git(root, "commit", "--quiet", "--message", "one")
    return root


def test_the_commit_of_a_checkout_is_what_git_says(checkout: Path) -> None:
    assert commit_of(checkout) == git(checkout, "rev-parse", "HEAD")


def test_the_commit_is_found_when_refs_are_packed_or_head_is_detached(checkout: Path) -> None:
    commit = git(checkout, "rev-parse", "HEAD")

    git(checkout, "pack-refs", "--all")
    packed = commit_of(checkout)
    git(checkout, "checkout", "--quiet", "--detach")

    assert (packed, commit_of(checkout)) == (commit, commit)


def test_the_commit_of_a_further_work_tree_is_its_own(checkout: Path) -> None:
    tree = checkout.parent / "tree"
    git(checkout, "worktree", "add", "--quiet", "-b", "side", str(tree))
    (tree / "more").touch()
    git(tree, "add", "more")
    git(tree, "commit", "--quiet", "--message", "two")

    assert commit_of(tree) == git(tree, "rev-parse", "HEAD") != commit_of(checkout)


def test_a_folder_that_is_no_checkout_of_ours_has_no_commit(checkout: Path) -> None:
    (checkout / "below").mkdir()
    beside = commit_of(checkout / "below")
    (checkout / "pyproject.toml").unlink()

    assert (beside, commit_of(checkout)) == ("", "")


@pytest.mark.parametrize("head", ["", "ref: refs/heads/none", "nonsense", "ref: ../../secret"])
def test_a_damaged_head_is_no_commit(checkout: Path, head: str) -> None:
    (checkout / ".git" / "HEAD").write_text(head)
    (checkout.parent / "secret").write_text("not a commit")

    assert commit_of(checkout) == ""


@pytest.mark.parametrize(
    ("note", "commit"),
    [
        (json.dumps({"url": "x", "vcs_info": {"vcs": "git", "commit_id": COMMIT}}), COMMIT),
        (json.dumps({"url": "file:///x", "dir_info": {"editable": True}}), ""),
        (json.dumps({"vcs_info": {"commit_id": 'x"} 1\n'}}), ""),
        ("[]", ""),
        ("{", ""),
        (None, ""),
    ],
)
def test_what_pip_noted_is_taken_where_it_is_a_commit(note: str | None, commit: str) -> None:
    assert noted_commit(note) == commit


def test_a_package_without_a_trace_of_its_commit_says_so() -> None:
    assert running_commit() == UNKNOWN or len(running_commit()) in (40, 64)
