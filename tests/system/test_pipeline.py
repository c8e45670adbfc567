"""From the POST to warehouse and counts while broker and roles are killed, paused, filled, slowed.

FOOTFALL_TEST_SEED=n plays the dice of one seed again; a failed run is kept (support/thrown_dice).
"""

import os
from pathlib import Path

import pytest

from tests.support.thrown_dice import thrown_dice
from tests.support.workload.pipeline import run

LONG = os.environ.get("HYPOTHESIS_PROFILE") == "exhaustive"
SECONDS = 180.0 if LONG else 1.5

pytestmark = [pytest.mark.system, pytest.mark.timeout(900 if LONG else 240)]


def test_every_202_is_a_row_and_a_count_whatever_happens(tmp_path: Path) -> None:
    with thrown_dice(tmp_path) as seed:
        outcome = run(tmp_path, seed, SECONDS)

        print(dict(outcome.happened), f"{outcome.accepted} accepted")
        assert outcome.broken == []
        assert outcome.accepted > 0
