"""What is left of a run by dice."""

from pathlib import Path

import pytest

from tests.support.thrown_dice import KEPT, SEED_FROM, thrown_dice


@pytest.fixture(autouse=True)
def no_seed_is_given(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(SEED_FROM, raising=False)


def fail(directory: Path, runs: Path) -> tuple[int, list[str]]:
    """A run that fails; its seed, and what was added to its failure."""
    directory.mkdir(exist_ok=True)
    with pytest.raises(AssertionError) as told, thrown_dice(directory, runs) as seed:
        (directory / "history.jsonl").write_text(str(seed))
        raise AssertionError("lost")
    return seed, told.value.__notes__


def test_a_seed_is_written_down_before_its_run_begins(tmp_path: Path) -> None:
    with thrown_dice(tmp_path, tmp_path / "runs") as seed:
        written = (tmp_path / "runs" / "seeds.txt").read_text()

    assert f" {seed} begins in {tmp_path}: tests/system/workload/test_thrown_dice.py" in written


def test_what_a_failed_run_did_is_kept_and_its_failure_tells_where(tmp_path: Path) -> None:
    seed, notes = fail(tmp_path / "run", tmp_path / "runs")

    kept = tmp_path / "runs" / f"failed-{seed}"
    assert (kept / "history.jsonl").read_text() == str(seed)
    (note,) = notes
    assert f"{SEED_FROM}={seed} " in note
    assert str(kept) in note
    assert f" {seed} failed after 0 s" in (tmp_path / "runs" / "seeds.txt").read_text()


def test_the_given_seed_is_thrown_and_a_run_that_passes_leaves_its_line_only(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(SEED_FROM, "7")

    with thrown_dice(tmp_path, tmp_path / "runs") as seed:
        pass

    assert seed == 7
    assert [path.name for path in (tmp_path / "runs").iterdir()] == ["seeds.txt"]
    assert " 7 passed after 0 s" in (tmp_path / "runs" / "seeds.txt").read_text()


def test_of_many_failed_runs_the_newest_stay(tmp_path: Path) -> None:
    seeds = [fail(tmp_path / "run", tmp_path / "runs")[0] for _ in range(KEPT + 1)]

    kept = {path.name for path in (tmp_path / "runs").glob("failed-*")}
    assert len(kept) == KEPT
    assert f"failed-{seeds[-1]}" in kept
