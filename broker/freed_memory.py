"""What the C library does with memory that requests gave back: it keeps some for the next ones.

By itself it gives a buffer of a large request back to the system once it is free, and the next one
is taken page by page again, each zeroed by the system (docs/adr/0045-freed-memory-is-kept.md).
"""

import ctypes

KEPT_BYTES = 16 * 1024 * 1024
"""Free memory at the end of the heap: two connections' worth of requests."""
MAPPED_BYTES_MIN = 4 * 1024 * 1024
"""A single block from this size on is a mapping of its own, given back at once."""
_M_TRIM_THRESHOLD = -1  # malloc.h of glibc
_M_MMAP_THRESHOLD = -3


def keep_freed_memory() -> bool:
    """For the whole process; False where the C library has no such settings, as musl."""
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except AttributeError:
        return False
    settings = (_M_TRIM_THRESHOLD, KEPT_BYTES), (_M_MMAP_THRESHOLD, MAPPED_BYTES_MIN)
    return all(mallopt(name, value) == 1 for name, value in settings)
