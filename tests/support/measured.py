"""A broker process of its own, and what something cost it."""

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from tests.fuzz.attack import Target
from tests.support.raw_client import RawClient


@asynccontextmanager
async def target_of(directory: Path, **settings: Any) -> AsyncIterator[Target]:
    target = Target(directory, create_topic_policy_max_partitions=100_000, **settings)
    try:
        target.process.start()
        yield target
    finally:
        target.process.close()


async def connect(target: Target) -> RawClient:
    return await RawClient.connect(target.process.host, target.process.port)


def cost(what: str, began_s: float, target: Target) -> None:
    """Print the time since `began_s` and what the process takes now."""
    shape = target.shape()
    seconds = time.perf_counter() - began_s
    print(
        f"{what}: {seconds:.3f} s, {shape.resident_bytes / 2**20:.0f} MiB resident,"
        f" {shape.descriptors} descriptors, {shape.processor_s:.2f} s of processor time in all"
    )
