"""Clients of all kinds on a broker that is killed, paused, slowed, filled and moved in time.

Afterwards the history of all they asked, were told and saw must hold every promise of Kafka's.
FOOTFALL_TEST_SEED=n plays the dice of one seed again; a failed run is kept (support/thrown_dice).
"""

import os
from pathlib import Path

import pytest

from tests.support.thrown_dice import thrown_dice
from tests.support.workload.run import MISFORTUNES, Plan, run

LONG = os.environ.get("HYPOTHESIS_PROFILE") == "exhaustive"
SECONDS = 240.0 if LONG else 6.0

pytestmark = [pytest.mark.system, pytest.mark.timeout(900 if LONG else 240)]


@pytest.mark.parametrize("names", [tuple(MISFORTUNES)], ids=["everything"])
def test_every_promise_is_kept_whatever_happens(tmp_path: Path, names: tuple[str, ...]) -> None:
    with thrown_dice(tmp_path) as seed:
        outcome = run(tmp_path, Plan(seed, SECONDS, names))

        print(dict(outcome.happened))
        assert outcome.anomalies == []
        assert outcome.idle == []
