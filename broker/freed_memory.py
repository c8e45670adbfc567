"""What the C library does with memory that requests gave back: it keeps some for the next ones.

By itself it gives a buffer of a large request back to the system once it is free, and the next one
is taken page by page again, each zeroed by the system (docs/adr/0045-freed-memory-is-kept.md).
What lies free between things in use it keeps for ever: after thousands of connections that is more
than all the rest. Such holes are given back when the broker has little to do.
"""

import ctypes
import time
from mmap import PAGESIZE
from pathlib import Path

KEPT_BYTES = 16 * 1024 * 1024
"""Free memory at the end of the heap: two connections' worth of requests."""
MAPPED_BYTES_MIN = 4 * 1024 * 1024
"""A single block from this size on is a mapping of its own, given back at once."""
HOLES_BYTES_MAX = 32 * 1024 * 1024
"""Free memory in between that may stay."""
LITTLE_TO_DO = 0.1
"""Of a processor: looking for holes holds up whoever needs memory, 0.1 ms for each MB of them."""
_STATM = Path("/proc/self/statm")
_M_TRIM_THRESHOLD = -1  # malloc.h of glibc
_M_MMAP_THRESHOLD = -3


class _Heap(ctypes.Structure):
    """`struct mallinfo2` of glibc 2.33 and later; all in bytes."""

    _fields_ = tuple(
        (name, ctypes.c_size_t)
        for name in (
            *("arena", "ordblks", "smblks", "hblks", "hblkhd"),
            *("usmblks", "fsmblks", "uordblks", "fordblks", "keepcost"),
        )
    )
    fordblks: int
    """Free, of which `keepcost` lies at the end."""
    keepcost: int


def keep_freed_memory() -> bool:
    """For the whole process; False where the C library has no such settings, as musl."""
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except AttributeError:
        return False
    settings = (_M_TRIM_THRESHOLD, KEPT_BYTES), (_M_MMAP_THRESHOLD, MAPPED_BYTES_MIN)
    return all(mallopt(name, value) == 1 for name, value in settings)


class Holes:
    """Free memory between what is in use; `look` now and then, in a thread."""

    def __init__(self) -> None:
        library = ctypes.CDLL(None)
        self._heap = getattr(library, "mallinfo2", None)
        self._trim = getattr(library, "malloc_trim", None)
        if self._heap is not None:
            self._heap.restype = _Heap
        self._looked_s = self._now_s()
        self._left_bytes = 0
        """Resident after holes were given back last: glibc counts them as free for ever."""

    def look(self) -> bool:
        """Give them back if they are large and little was done since the last look; whether so."""
        before, now = self._looked_s, self._looked_s = self._looked_s, self._now_s()
        passed_s, worked_s = (b - a for a, b in zip(before, now, strict=True))
        if self._heap is None or self._trim is None or worked_s > LITTLE_TO_DO * passed_s:
            return False
        heap = self._heap()
        grown_bytes = self._resident_bytes() - self._left_bytes
        if min(heap.fordblks - heap.keepcost, grown_bytes) <= HOLES_BYTES_MAX:
            return False
        self._trim(KEPT_BYTES)
        self._left_bytes = self._resident_bytes()
        return True

    @staticmethod
    def _resident_bytes() -> int:
        """Second number of /proc/self/statm, in pages (proc(5)); 0 where there is no /proc."""
        try:
            return int(_STATM.read_text().split()[1]) * PAGESIZE
        except OSError:
            return 0

    @staticmethod
    def _now_s() -> tuple[float, float]:
        """On the clock, and of the processor."""
        return time.monotonic(), time.process_time()
