"""The list of copies over a restart of the dashboard."""

import logging
from pathlib import Path

import pytest

from dashboard.copies.model import DONE, FAILED
from dashboard.copies.shelf import KEPT, Shelf
from tests.support.copies import keep_copies, made_copy


def test_a_copy_that_the_end_of_the_dashboard_cut_off_says_so(tmp_path: Path) -> None:
    path = keep_copies(tmp_path, made_copy(1, "a", "b"), made_copy(2, "c", "d", state=DONE))

    found = Shelf(path).copies

    assert [(one.number, one.state) for one in found] == [(2, DONE), (1, FAILED)]
    assert "goes on where this one was" in found[1].trouble


def test_the_oldest_that_are_over_make_room_and_none_that_runs(tmp_path: Path) -> None:
    shelf = Shelf(tmp_path / "copies.json")
    shelf.add(made_copy(1, "runs", "b"))

    for number in range(2, KEPT + 10):
        shelf.add(made_copy(number, "a", "b", state=DONE))

    numbers = [one.number for one in shelf.copies]
    assert len(numbers) == KEPT and numbers[-1] == 1 and numbers[-2] == 11
    assert [one.number for one in Shelf(tmp_path / "copies.json").copies] == numbers


@pytest.mark.parametrize("text", [b"", b"\x00\x00", b'[{"number": "x"}]', b'"\xff"'])
def test_a_list_that_is_damaged_is_told_and_begun_anew(
    tmp_path: Path, text: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "copies.json"
    path.write_bytes(text)

    with caplog.at_level(logging.WARNING):
        shelf = Shelf(path)
    shelf.add(made_copy(1, "a", "b"))

    assert "copies of before are not known" in caplog.text
    assert len(Shelf(path).copies) == 1


def test_a_list_that_cannot_be_written_stops_no_copy(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "dashboard").write_text("a file")
    shelf = Shelf(tmp_path / "dashboard" / "copies.json")

    shelf.add(made_copy(1, "a", "b"))

    assert len(shelf.copies) == 1 and "is not kept" in caplog.text
