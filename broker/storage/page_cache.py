"""Whether bytes of a file are in memory: cachestat(2), in Linux since 6.5, called by number.

To read them is the other way to be sure, and copies them.
"""

import ctypes
import os
import platform

_CACHESTAT = 451  # on every machine but Alpha
_MACHINES = ("x86_64", "aarch64")


class _Range(ctypes.Structure):
    """`struct cachestat_range`, in bytes; length 0: up to the end of the file."""

    _fields_ = (("offset", ctypes.c_uint64), ("length", ctypes.c_uint64))


class _Pages(ctypes.Structure):
    """`struct cachestat`: numbers of pages."""

    _fields_ = (
        ("cached", ctypes.c_uint64),
        ("dirty", ctypes.c_uint64),
        ("in_writeback", ctypes.c_uint64),
        ("evicted", ctypes.c_uint64),
        ("recently_evicted", ctypes.c_uint64),
    )


_PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")


class PageCache:
    """Looks into the page cache; a look takes about a microsecond a megabyte."""

    def __init__(self) -> None:
        self._call = ctypes.CDLL(None, use_errno=True).syscall
        self._knows = platform.machine() in _MACHINES

    def has(self, descriptor: int, position: int, length: int) -> bool:
        """Whether all of these bytes are in memory; False also where nobody knows."""
        if not self._knows or length <= 0:
            return False
        asked, found = _Range(position, length), _Pages()
        if self._call(_CACHESTAT, descriptor, ctypes.byref(asked), ctypes.byref(found), 0) != 0:
            self._knows = False  # an old kernel, or a sandbox: it will not change its mind
            return False
        pages = (position + length - 1) // _PAGE_BYTES - position // _PAGE_BYTES + 1
        return bool(found.cached >= pages)
