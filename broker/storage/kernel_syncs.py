"""Syncs that the kernel carries out by itself: Linux AIO, whose completions are told by an eventfd.

A thread that syncs has to be woken, and wants the interpreter back when it is done; this needs
neither. Python has no words for it, so the four system calls are made by number (io_setup(2),
io_submit(2), io_getevents(2), io_destroy(2); IOCB_CMD_FDSYNC is in Linux since 4.18).
"""

import ctypes
import os
import platform
from collections.abc import Sequence

SYNCS_MAX = 256  # under way at the same time
_IOCB_CMD_FDSYNC = 3
_IOCB_FLAG_RESFD = 1
_CALLS = {"x86_64": (206, 207, 208, 209), "aarch64": (0, 1, 4, 2)}
"""Numbers of io_setup, io_destroy, io_getevents and io_submit."""


class _ControlBlock(ctypes.Structure):
    """`struct iocb` of linux/aio_abi.h, little-endian."""

    _fields_ = (
        ("data", ctypes.c_uint64),
        ("key", ctypes.c_uint32),
        ("rw_flags", ctypes.c_int32),
        ("opcode", ctypes.c_uint16),
        ("priority", ctypes.c_int16),
        ("descriptor", ctypes.c_uint32),
        ("buffer", ctypes.c_uint64),
        ("bytes", ctypes.c_uint64),
        ("offset", ctypes.c_int64),
        ("reserved", ctypes.c_uint64),
        ("flags", ctypes.c_uint32),
        ("eventfd", ctypes.c_uint32),
    )


class _Event(ctypes.Structure):
    """`struct io_event`."""

    _fields_ = (
        ("data", ctypes.c_uint64),
        ("control_block", ctypes.c_uint64),
        ("result", ctypes.c_int64),
        ("result2", ctypes.c_int64),
    )


class KernelSyncs:
    """Up to SYNCS_MAX fdatasyncs at a time; for one thread."""

    def __init__(self) -> None:
        """OSError where the kernel has no such thing, or a sandbox does not allow it."""
        if platform.machine() not in _CALLS:
            raise OSError(f"no numbers of system calls for {platform.machine()}")
        setup, self._destroy, self._getevents, self._submit = _CALLS[platform.machine()]
        self._call = ctypes.CDLL(None, use_errno=True).syscall
        self._context = ctypes.c_ulong(0)
        if self._call(setup, SYNCS_MAX, ctypes.byref(self._context)) != 0:
            error = ctypes.get_errno()
            raise OSError(error, os.strerror(error))
        self.descriptor = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)
        """Readable when syncs are done."""
        self._blocks = (_ControlBlock * SYNCS_MAX)()
        self._pointers = (ctypes.POINTER(_ControlBlock) * SYNCS_MAX)()
        for number, block in enumerate(self._blocks):
            block.opcode = _IOCB_CMD_FDSYNC
            block.flags = _IOCB_FLAG_RESFD
            block.eventfd = self.descriptor
            self._pointers[number] = ctypes.pointer(block)
        self._events = (_Event * SYNCS_MAX)()

    def submit(self, descriptors: Sequence[int]) -> int:
        """Begin to sync these files; of how many from the front on the kernel takes it over.

        What was written before this call is synced. The files may be closed meanwhile.
        """
        for number, descriptor in enumerate(descriptors):
            block = self._blocks[number]
            block.descriptor = descriptor
            block.data = number
        taken: int = self._call(self._submit, self._context, len(descriptors), self._pointers)
        return max(taken, 0)

    def completed(self) -> list[tuple[int, int]]:
        """What is done: place in the last `submit`, and 0 or a negative errno."""
        try:
            os.eventfd_read(self.descriptor)
        except BlockingIOError:
            return []
        count = self._call(self._getevents, self._context, 0, SYNCS_MAX, self._events, None)
        return [(one.data, one.result) for one in self._events[: max(count, 0)]]

    def close(self) -> None:
        """Wait for what is under way, and give back what the kernel holds."""
        if self.descriptor >= 0:
            self._call(self._destroy, self._context)
            os.close(self.descriptor)
            self.descriptor = -1
