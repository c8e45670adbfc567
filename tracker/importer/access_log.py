"""Replays a web server's access log as events at their own times, and can be stopped at any moment.

A chunk of lines is sent, acknowledged by the broker, and then written down as done. After a crash
in between the chunk is sent again with the same ids.
"""

import asyncio
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn

from tracker.clock import Clock, SystemClock
from tracker.config import KafkaConfig
from tracker.events import encode
from tracker.importer import progress as done
from tracker.importer.combined_log import Malformed, Request, parse
from tracker.importer.line_reader import LineReader
from tracker.importer.progress import ProgressFile
from tracker.importer.replay import Replay, fingerprint
from tracker.ingest.outcome import Refused
from tracker.kafka.producer import NewRecord, Producer
from tracker.kafka.topics import ensure_topics
from tracker.topics import EVENTS

CHUNK_LINES: Final = 2_000
FIRST_LINES_MAX: Final = 1_000  # among which there must be one in the format
ACKNOWLEDGE_TIMEOUT_MS: Final = 60_000


@dataclass(frozen=True, slots=True)
class Job:
    """One log to import, and where to."""

    file: Path
    site: str
    host: str  # of its pages
    progress_dir: Path
    cluster_id: str  # where the events go


class ImportFailed(Exception):
    """The log cannot be imported; the message says why."""


def run(kafka: KafkaConfig, job: Job) -> int:
    """Import with a progress bar on stderr and a report on stdout; the exit code."""
    try:
        ensure_topics(kafka, [EVENTS])
        reader = LineReader(job.file)
        try:
            with _bar() as bar:
                task = bar.add_task(job.file.name, total=reader.size_bytes or None)
                importer = Importer(job, reader, SystemClock())
                asyncio.run(
                    importer.run(kafka, lambda: bar.update(task, completed=reader.consumed))
                )
        finally:
            reader.close()
    except (ImportFailed, done.ProgressError, OSError, EOFError) as error:
        sys.stderr.write(f"{job.file} cannot be imported: {error}\n")
        return 1
    except KeyboardInterrupt:
        sys.stderr.write("stopped; the same command continues where it stopped\n")
        return 1
    _report(importer.progress)
    return 0


class Importer:
    """One run over one log. `progress` is what has been done, of earlier runs too."""

    def __init__(self, job: Job, reader: LineReader, clock: Clock) -> None:
        """Raises ImportFailed, ProgressError and OSError."""
        self._reader = reader
        self._clock = clock
        log = fingerprint(job.site, _first_request(job.file))
        self._file = ProgressFile(job.progress_dir, log, job.cluster_id)
        self.progress = self._file.load(job.file.name, job.site)
        assert self.progress.secret is not None
        self._replay = Replay(log, job.site, job.host, self.progress.secret)

    async def run(self, kafka: KafkaConfig, moved: Callable[[], None]) -> None:
        """To the end of the log; raises NotStored when the broker does not acknowledge."""
        self._file.save(self.progress)  # the secret must be on disk before the first event is sent
        producer = Producer(
            kafka,
            client_id="footfall-import",
            acknowledge_timeout_ms=ACKNOWLEDGE_TIMEOUT_MS,
            linger_ms=5,
        )
        try:
            for records in self._chunks():
                if records:
                    await producer.send(EVENTS, records)
                self._file.save(self.progress)
                moved()
        finally:
            await producer.close()
        self._file.finish(self.progress)

    def _chunks(self) -> Iterator[list[NewRecord]]:
        """Records of up to CHUNK_LINES lines; `progress` then stands after them."""
        records: list[NewRecord] = []
        taken = 0
        for line in self._reader.lines(self.progress.position):
            progress = self.progress
            progress.lines += 1
            try:
                if line.too_long:
                    raise Malformed("the line is longer than 64 KiB")
                records.append(self._record(parse(line.text)))
            except Malformed as problem:
                if not line.complete:
                    progress.lines -= 1  # still being written: the next run reads it whole
                    break
                if line.text.strip():
                    progress.note_malformed(str(problem))
            progress.position = line.end
            taken += 1
            if taken == CHUNK_LINES:
                yield records
                records, taken = [], 0
        yield records

    def _record(self, request: Request) -> NewRecord:
        progress = self.progress
        try:
            event = self._replay.event(progress.lines, request, self._clock.now_ms())
        except Refused as refusal:
            raise Malformed(str(refusal)) from refusal
        progress.events[event.event_name] = progress.events.get(event.event_name, 0) + 1
        progress.bots += event.is_bot
        return NewRecord(encode(event), event.key())


def _first_request(file: Path) -> Request:
    reader = LineReader(file)
    try:
        for number, line in enumerate(reader.lines(0)):
            try:
                return parse(line.text)
            except Malformed:
                if number >= FIRST_LINES_MAX:
                    break
    finally:
        reader.close()
    raise ImportFailed("no line at its beginning is in the Combined Log Format")


def _bar() -> Progress:
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        DownloadColumn(),
        TimeRemainingColumn(),
        console=Console(stderr=True),
    )


def _report(progress: done.Progress) -> None:
    events = sum(progress.events.values())
    say = sys.stdout.write
    say(f"{progress.lines} lines, {events} events of {progress.site} are stored:\n")
    for name, count in sorted(progress.events.items(), key=lambda item: -item[1]):
        say(f"  {name:<10} {count:>10}\n")
    say(f"  {progress.bots} of them by bots (kept and flagged)\n")
    if not progress.malformed:
        return
    say(f"{progress.malformed} malformed lines were left out:\n")
    for one in progress.malformed_lines:
        say(f"  line {one.line}: {one.problem}\n")
    if (more := progress.malformed - len(progress.malformed_lines)) > 0:
        say(f"  and {more} more\n")
