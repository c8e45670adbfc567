"""Buffers of large requests do not go back to the system between two requests; holes do, later."""

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


_CROWD = """
from broker.freed_memory import Holes, keep_freed_memory

def resident_mb():
    with open("/proc/self/statm") as told:
        return int(told.read().split()[1]) * 4096 / 1e6

worked_s = iter([(0, 0), (60, 30), (120, 31), (180, 32)])  # half of a minute, then hardly anything
Holes._now_s = staticmethod(lambda: next(worked_s))
kept = keep_freed_memory()
crowd = [b"%d" % n * 20_000 for n in range(1_000, 2_250)]
left = crowd[::100]
del crowd
before = resident_mb()
holes = Holes()
while_busy = holes.look()
idle = holes.look()
given_mb = round(before - resident_mb())
print(kept, while_busy, idle, holes.look(), given_mb)
"""


def test_what_a_crowd_left_free_in_between_goes_back_when_there_is_little_to_do() -> None:
    told = subprocess.run([sys.executable, "-c", _CROWD], capture_output=True, check=True)

    kept, while_busy, idle, once_more, megabytes = told.stdout.split()

    if kept == b"False":
        pytest.skip("this C library cannot be told")
    assert (while_busy, idle, once_more) == (b"False", b"True", b"False")
    assert int(megabytes) > 60  # of 100
