"""`footfall topic copy`: the records of a topic, into another topic or another cluster."""

import signal
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from rich.console import Console

from footfall.data_format import check_format
from tracker.kafka.copy import Stored
from tracker.topic_copy import Plan, Side, carry_out, left_of, plan
from tracker.topics import TopicPartition

TOLD_EVERY_S: Final = 2.0


def copy(source: Side, target: Side, data_dir: Path, anew: bool, console: Console) -> bool:
    """What is there now, from where an earlier run stopped; `anew`: from the beginning.

    False when Ctrl-C ended it before all of that was copied.
    """
    check_format(data_dir)
    planned = plan(source, target, data_dir / "copies", anew)
    progress = Progress(planned, console)
    with _ctrl_c() as is_pressed:
        is_whole = carry_out(planned, progress.show, is_pressed)
    if not is_whole:
        console.print("stopped; run the same command again to continue")
        return False
    told = f"{progress.records:,} records of {source.topic} ({source.cluster})"
    told = f"copied {told} to {target.topic} ({target.cluster})"
    console.print(told, markup=False, highlight=False)
    if planned.extent.held:
        held = f"{planned.extent.held:,} offsets"
        console.print(f"{held} wait for open transactions; run the copy again later")
    return True


@contextmanager
def _ctrl_c() -> Iterator[Callable[[], bool]]:
    """Whether it was pressed. As an exception amid librdkafka's client it would come out as an
    error of the client's own."""
    pressed = threading.Event()
    before = signal.signal(signal.SIGINT, lambda *_: pressed.set())
    try:
        yield pressed.is_set
    finally:
        signal.signal(signal.SIGINT, before)


class Progress:
    """A line every two seconds. Of offsets: compaction leaves holes, so it may jump."""

    def __init__(self, planned: Plan, console: Console) -> None:
        self.records = 0
        self._ends, self._total = planned.extent.ends, planned.offsets
        self._console = console
        self._told_s = time.monotonic()

    def show(self, at: Mapping[TopicPartition, int], batch: Stored) -> None:
        self.records += batch.records
        now_s = time.monotonic()
        if now_s - self._told_s < TOLD_EVERY_S or not self._total:
            return
        self._told_s = now_s
        share = 100 * (self._total - left_of(at, self._ends)) / self._total
        self._console.print(f"{self.records:,} records, {share:.0f} %", highlight=False)
