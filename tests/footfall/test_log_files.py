"""Log files stay bounded and never stop their writer."""

from pathlib import Path

from footfall.log_files import RotatedLog


def test_lines_are_kept_in_order_over_files(tmp_path: Path) -> None:
    log = RotatedLog(tmp_path / "logs" / "x.log", file_bytes=20, files_kept=2)

    for number in range(6):
        log.write(f"line {number}")
    log.close()

    kept = {path.name: path.read_text().splitlines() for path in (tmp_path / "logs").iterdir()}
    assert kept == {
        "x.log": ["line 4", "line 5"],
        "x.log.1": ["line 2", "line 3"],
        "x.log.2": ["line 0", "line 1"],
    }


def test_only_so_many_files_are_kept(tmp_path: Path) -> None:
    log = RotatedLog(tmp_path / "x.log", file_bytes=8, files_kept=2)

    for number in range(20):
        log.write(f"line {number:02}")
    log.close()

    assert sorted(path.name for path in tmp_path.iterdir()) == ["x.log", "x.log.1", "x.log.2"]
    assert (tmp_path / "x.log").read_text() == "line 19\n"


def test_a_restart_appends_to_what_is_there(tmp_path: Path) -> None:
    for word in ("before", "after"):
        log = RotatedLog(tmp_path / "x.log", file_bytes=1000, files_kept=2)
        log.write(word)
        log.close()

    assert (tmp_path / "x.log").read_text() == "before\nafter\n"


def test_a_place_that_cannot_be_written_loses_lines_and_nothing_else() -> None:
    log = RotatedLog(Path("/proc/none/x.log"), file_bytes=1000, files_kept=2)

    log.write("lost")

    log.close()
    assert not Path("/proc/none").exists()
