"""Buffers of large requests do not go back to the system between two requests."""

import subprocess
import sys

import pytest

_REQUESTS = """
import resource
from broker.freed_memory import keep_freed_memory

def requests():
    buffers = [bytearray(300_000) for _ in range(8)]
    del buffers

kept = keep_freed_memory()
for _ in range(20):
    requests()
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range(20):
    requests()
print(kept, resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


def test_the_memory_of_a_request_is_there_for_the_next_one() -> None:
    told = subprocess.run([sys.executable, "-c", _REQUESTS], capture_output=True, check=True)

    kept, faults = told.stdout.split()

    if kept == b"False":
        pytest.skip("this C library cannot be told")
    assert int(faults) < 500  # of 12,000 pages
