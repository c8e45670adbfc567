"""The served script and its source belong together."""

from tracker.beacon.build import BUILT, SOURCE, first_line


def test_the_built_script_was_made_of_this_source() -> None:
    """Changed beacon.js? Run: python -m tracker.beacon.build"""
    assert BUILT.read_text().splitlines()[0] == first_line(SOURCE.read_bytes())
