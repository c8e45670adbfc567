"""One copy of records, as pages and the API tell it."""

from typing import Final, Literal

from msgspec import Struct

from dashboard.text import plural, size

State = Literal["running", "done", "stopped", "failed"]
RUNNING: Final = "running"
DONE: Final = "done"
STOPPED: Final = "stopped"
FAILED: Final = "failed"


class Copy(Struct, kw_only=True):
    """From one topic into another; a thread moves it on."""

    number: int
    from_cluster: str
    from_topic: str
    cluster: str
    topic: str
    who: str
    began_ms: int
    offsets: int  # between where it began and the end: records at most
    left: int  # of these
    held: int = 0  # offsets behind the end, up to which transactions were open at the start
    records: int = 0
    size: int = 0  # bytes of their keys and values
    state: State = RUNNING
    trouble: str = ""
    ended_ms: int | None = None

    @property
    def share(self) -> float:
        """How much is done, 0 to 1. Of offsets: compaction leaves holes, so it may jump."""
        return (self.offsets - self.left) / self.offsets if self.offsets else 1.0

    @property
    def is_running(self) -> bool:
        return self.state == RUNNING

    @property
    def end(self) -> str:
        """How it ended, for the audit."""
        told = f"{plural(self.records, 'record')} ({size(self.size)})"
        if self.state == DONE:
            return f"ended: {told}"
        return f"stopped: after {told}" if self.state == STOPPED else f"failed: {self.trouble}"
