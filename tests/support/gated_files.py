"""Disks in memory whose syncs can be held back, so that a test can look at what is on its way."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from broker.storage.files import File
from tests.support.memory_files import MemoryFile, MemoryFiles


class GatedFile(MemoryFile):
    """Its syncs wait while the gate of its directory is closed."""

    def sync(self) -> None:
        assert isinstance(self._files, GatedFiles)
        for directory, gate in tuple(self._files.gates.items()):
            if self.path.startswith(directory):
                gate.wait()
        super().sync()


class GatedFiles(MemoryFiles):
    """Disks, each of which can be made to hold its syncs back."""

    def __init__(self) -> None:
        super().__init__()
        self.gates: dict[str, threading.Event] = {}
        """By log directory; a closed one is an event that is not set."""

    def open(self, path: str, *, create: bool = False) -> File:
        super().open(path, create=create)
        return GatedFile(self, path, self._names[path])

    @contextmanager
    def closed(self, directory: str) -> Iterator[threading.Event]:
        """Hold back the syncs in a directory until the block ends, or the gate is set."""
        gate = self.gates[directory] = threading.Event()
        try:
            yield gate
        finally:
            gate.set()
