"""Clients of all kinds on a broker that is killed, paused, slowed, filled and moved in time.

Afterwards the history of all they asked, were told and saw must hold every promise of Kafka's.
FOOTFALL_TEST_SEED=n plays the dice of one seed again.
"""

import os
import random
from pathlib import Path

import pytest

from tests.support.workload.run import MISFORTUNES, Plan, run

LONG = os.environ.get("HYPOTHESIS_PROFILE") == "exhaustive"
SECONDS = 240.0 if LONG else 6.0

pytestmark = [pytest.mark.system, pytest.mark.timeout(900 if LONG else 240)]


def new_seed() -> int:
    given = os.environ.get("FOOTFALL_TEST_SEED")
    return int(given) if given else random.SystemRandom().randrange(2**32)


@pytest.mark.parametrize("names", [tuple(MISFORTUNES)], ids=["everything"])
def test_every_promise_is_kept_whatever_happens(tmp_path: Path, names: tuple[str, ...]) -> None:
    plan = Plan(new_seed(), SECONDS, names)
    print(f"seed {plan.seed}")

    outcome = run(tmp_path, plan)

    print(dict(outcome.happened))
    assert outcome.anomalies == []
    assert outcome.idle == []
