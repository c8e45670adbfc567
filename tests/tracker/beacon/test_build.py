"""The served scripts and their sources belong together."""

import pytest

from tracker.beacon.build import BEACON, VITALS, Built


@pytest.mark.parametrize("script", [BEACON, VITALS], ids=lambda script: script.source.stem)
def test_a_built_script_was_made_of_this_source(script: Built) -> None:
    """Changed a script? Run: python -m tracker.beacon.build"""
    assert script.path.read_text().splitlines()[0] == script.first_line
