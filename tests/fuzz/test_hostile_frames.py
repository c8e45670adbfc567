"""Damaged requests, noise and wrong sizes on a running broker: it serves on and keeps its shape.

FOOTFALL_TEST_SEED=n sends the frames of one seed again (support/thrown_dice).
"""

import asyncio
import os
from pathlib import Path
from statistics import median

import pytest

from tests.fuzz.attack import Target, attack, is_of_use, served_meanwhile
from tests.support.thrown_dice import thrown_dice

LONG = os.environ.get("HYPOTHESIS_PROFILE") == "exhaustive"
FRAMES = 1_000_000 if LONG else 8_000
GROWTH_BYTES_MAX = 64 * 2**20
DESCRIPTORS_MAX = 1_000  # 120 partitions with a file each, internal topics, a few of everything
QUIET_S = 60.0

pytestmark = [pytest.mark.system, pytest.mark.timeout(1800)]


async def _until_quiet(target: Target, sockets: int) -> None:
    """Wait until all connections of the attack are gone."""
    for _ in range(int(QUIET_S / 0.1)):
        if target.shape().sockets <= sockets:
            return
        await asyncio.sleep(0.1)


@pytest.mark.may_block
async def test_frames_that_nobody_should_send_bring_nothing_down(tmp_path: Path) -> None:
    target = Target(tmp_path)
    try:
        target.process.start()
        with thrown_dice(tmp_path) as seed:
            await _look_what_they_do(target, seed)
        assert target.process.stop() == 0
    finally:
        target.process.close()


async def _look_what_they_do(target: Target, seed: int) -> None:
    quiet = target.shape().sockets
    await attack(target, seed, FRAMES // 10)
    warm = target.shape()
    closed, waited_s = await served_meanwhile(target.process, attack(target, seed + 1, FRAMES))
    await _until_quiet(target, quiet)
    after, counters = target.shape(), target.counters()
    served = await is_of_use(target.process, "after")
    print(closed, warm, after, counters)
    print(f"an honest client waited {median(waited_s):.3f} s, at most {max(waited_s):.3f} s")

    assert served
    assert target.tracebacks() == ""
    assert counters["footfall_kafka_connection_failures_total"] == 0
    assert counters["footfall_kafka_protocol_errors_total"] >= closed > 0
    assert after.sockets == quiet
    assert after.descriptors <= DESCRIPTORS_MAX
    assert after.resident_bytes - warm.resident_bytes <= GROWTH_BYTES_MAX
