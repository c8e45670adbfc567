"""The data directory: made, checked and locked before any role starts.

Every refusal is a `StartRefused` whose message says what to do. The lock is an flock on
<data>/.lock, which holds the supervisor's process id. Children inherit the lock's descriptor, so
the lock lasts until the last of them has ended even if their supervisor was killed.
"""

import errno
import fcntl
import os
import shutil
import socket
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from footfall.folders import make_folder
from footfall.roles import Address

ORPHANS_SECONDS: Final = 20.0
"""How long to wait for the children of a supervisor that was killed; they stop by themselves."""


class StartRefused(Exception):
    """Footfall cannot start here; the message gives the reason and the way out."""


@dataclass(frozen=True, slots=True)
class Lock:
    """A held lock; hand `descriptor` to the children."""

    descriptor: int

    def release(self) -> None:
        os.close(self.descriptor)


def prepare(data_dir: Path, free_bytes_min: int) -> None:
    """Makes the directory and checks that it can be written and has room."""
    try:
        make_folder(data_dir)
        probe = data_dir / ".write-probe"
        descriptor = os.open(probe, os.O_CREAT | os.O_WRONLY | os.O_CLOEXEC, 0o600)
        try:
            os.write(descriptor, b"footfall")
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
            probe.unlink()
    except OSError as error:
        raise StartRefused(unusable_directory(data_dir, error)) from error
    free = shutil.disk_usage(data_dir).free
    if free < free_bytes_min:
        raise StartRefused(
            f"the disk of {data_dir} has {free:,} bytes free, less than disk_free_bytes_min ="
            f" {free_bytes_min:,} in [up]: free some space, or choose another --data-dir"
        )


def unusable_directory(data_dir: Path, error: OSError) -> str:
    """What to tell about a directory that could not be written."""
    if error.errno == errno.ENOSPC:
        return f"the disk of {data_dir} is full: free some space, or choose another --data-dir"
    if error.errno in (errno.ENOTDIR, errno.EEXIST):
        return f"{data_dir} is not a directory: choose another --data-dir"
    return (
        f"cannot write to data directory {data_dir} ({error.strerror}): give this user the right"
        f" to write there, or choose another --data-dir"
    )


def lock(data_dir: Path, orphans_seconds: float = ORPHANS_SECONDS) -> Lock:
    """The only lock of this directory; refused while another Footfall uses it.

    When the holder's supervisor is gone its children are about to stop: waits for them.
    """
    path = data_dir / ".lock"
    descriptor = os.open(path, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
    deadline = time.monotonic() + orphans_seconds
    while not _try_lock(descriptor):
        holder = _holder(descriptor)
        if holder is not None and _alive(holder):
            os.close(descriptor)
            raise StartRefused(
                f"another Footfall (process {holder}) uses {data_dir}: stop it first"
                f" (kill {holder}), or give this one its own --data-dir"
            )
        if time.monotonic() > deadline:
            os.close(descriptor)
            raise StartRefused(
                f"processes of an earlier Footfall still use {data_dir} (lock {path}): list them"
                f" with `fuser {path}`, stop them, and start again"
            )
        time.sleep(0.1)
    os.ftruncate(descriptor, 0)
    os.pwrite(descriptor, str(os.getpid()).encode(), 0)
    return Lock(descriptor)


def running_supervisor(data_dir: Path) -> int | None:
    """Process id of the Footfall that uses the directory; None when nobody does."""
    try:
        descriptor = os.open(data_dir / ".lock", os.O_RDWR | os.O_CLOEXEC)
    except OSError:
        return None
    try:
        return None if _try_lock(descriptor) else _holder(descriptor)
    finally:
        os.close(descriptor)


def _try_lock(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _holder(descriptor: int) -> int | None:
    text = os.pread(descriptor, 32, 0).decode(errors="replace")
    return int(text) if text.isdigit() else None


def _alive(process_id: int) -> bool:
    try:
        os.kill(process_id, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass
    return True


def check_ports(addresses: Iterable[Address]) -> None:
    """Refuses when one of the addresses cannot be listened on; port 0 and below are not tried."""
    for address in addresses:
        if address.port > 0 and (reason := port_problem(address)):
            raise StartRefused(reason)


def port_problem(address: Address) -> str | None:
    """Why a role could not listen on its address, with the way out; None when it could."""
    family = socket.AF_INET6 if ":" in address.host else socket.AF_INET
    place = f"{address.port_key} in [{address.section}]"
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((address.host, address.port))
        except OSError as error:
            if error.errno == errno.EADDRINUSE:
                return (
                    f"port {address} of the {address.role} ({address.purpose}) is taken: find"
                    f" its owner with `ss -ltnp 'sport = :{address.port}'`, or change {place}"
                )
            return (
                f"the {address.role} cannot listen on {address} ({error.strerror or error}):"
                f" change {place} or the host beside it"
            )
    return None
