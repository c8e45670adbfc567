"""kill -9 and power cuts at each step of some transactions: what was promised is what stands.

A broker runs transactions on a disk that is filmed: after each write and each sync there is a
picture of what a crash at this moment would leave. A broker is started on each picture. Every
state of a transaction is among them: Empty, Ongoing, Prepare*, Complete*, with all, some or none
of its markers.
"""

import asyncio
import os
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from broker.coordinator.transaction.transaction import (
    COMPLETED,
    Producer,
    TopicPartition,
    TransactionState,
)
from broker.errors import KafkaError
from broker.handlers.handler import Services
from tests.support.filmed_files import CRASHES, FilmedFiles
from tests.support.manual_clock import ManualClock
from tests.support.running_broker import running_broker
from tests.support.transaction_calls import (
    TIMEOUT_MS,
    Transactor,
    committed_values,
    make_topic,
)

pytestmark = pytest.mark.crash

PICTURES_MAX = 1_000 if os.environ.get("HYPOTHESIS_PROFILE") == "exhaustive" else 7
SETTINGS: dict[str, Any] = {"transaction_state_log_num_partitions": 2}
PLACES: list[TopicPartition] = [("orders", 0), ("orders", 1)]


@dataclass(slots=True)
class Told:
    """What clients had been told at some moment."""

    ends: dict[str, bool] = field(default_factory=dict)
    """Whether a transaction committed; its records are named after it."""
    identities: list[Producer] = field(default_factory=list)

    def copy(self) -> "Told":
        return Told(dict(self.ends), list(self.identities))


async def play(services: Services, version: int, told: Told) -> None:
    """Commits, aborts, an end that a successor makes, and one transaction left open."""
    shop = Transactor(services, "shop", version)

    async def transaction(name: str, commit: bool | None) -> None:
        for number, place in enumerate(PLACES):
            await shop.write(place, f"{name}/{number}")
        if commit is not None:
            await shop.end(commit=commit)
            told.ends[name] = commit
            told.identities.append(shop.producer)

    told.identities.append(await shop.begin_life())
    await transaction("first", commit=True)
    await transaction("second", commit=False)
    await transaction("abandoned", commit=None)
    told.identities.append(await shop.begin_life())
    told.ends["abandoned"] = False
    await transaction("third", commit=True)
    await transaction("open", commit=None)


@pytest.mark.parametrize("version", [0, 2])
@pytest.mark.parametrize("crash", CRASHES.values(), ids=CRASHES.keys())
async def test_after_a_crash_at_any_step_every_transaction_is_whole_and_ends(
    tmp_path: Path, version: int, crash: dict[str, Any]
) -> None:
    files: FilmedFiles[Told] = FilmedFiles(crash)
    told = Told()
    async with running_broker(tmp_path, ManualClock(), files, **SETTINGS) as broker:
        await make_topic(broker.services, "orders", len(PLACES))
        await Transactor(broker.services, "warm", version).begin_life()
        with files.filming(told):
            await play(broker.services, version, told)
    states = set()

    for before, picture in files.some_pictures(PICTURES_MAX):
        async with running_broker(tmp_path, later(), picture, **SETTINGS) as broker:
            states |= {one.state for one in await settled(broker.services)}
            await check(broker.services, before, version)

    assert states <= {TransactionState.EMPTY, *COMPLETED}
    assert TransactionState.COMPLETE_COMMIT in states
    assert TransactionState.COMPLETE_ABORT in states


def later() -> ManualClock:
    """Each transaction that was open before has timed out."""
    clock = ManualClock()
    clock.advance(TIMEOUT_MS + 1)
    return clock


async def settled(services: Services) -> list[Any]:
    """All transactions, when nothing is open any more."""
    partitions = [services.partitions.get(*place) for place in PLACES]
    while True:
        with suppress(KafkaError):  # the state is being read
            await services.transactions.upkeep.resume()
            await services.transactions.upkeep.abort_timed_out()
            if all(one.last_stable_offset == one.high_watermark for one in partitions):
                return list(services.transactions.all())
        await asyncio.sleep(0)


async def check(services: Services, told: Told, version: int) -> None:
    """Promises are kept, the rest is all or nothing, and a new producer is somebody new."""
    visible = {
        value for place in PLACES for value in committed_values(services.partitions.get(*place))
    }
    shown = {name: {f"{name}/0", f"{name}/1"} & visible for name in NAMES}
    for name, committed in told.ends.items():
        assert len(shown[name]) == (2 if committed else 0), name
    assert all(len(values) in (0, 2) for values in shown.values())
    assert not shown["open"]

    shop = Transactor(services, "shop", version)
    assert await shop.begin_life() not in told.identities
    await shop.write(PLACES[0], "after")
    await shop.end(commit=True)
    assert committed_values(services.partitions.get(*PLACES[0]))[-1] == "after"


NAMES = ("first", "second", "abandoned", "third", "open")
