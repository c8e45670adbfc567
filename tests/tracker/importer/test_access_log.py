"""A log becomes events, once, whatever happens in between."""

import asyncio
import dataclasses
import gzip
import json
import stat
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from tests.support.kafka_address import kafka_address, new_site
from tests.support.running_ingest import events_of
from tests.support.tools import shared_data
from tracker.clock import SystemClock
from tracker.config import KafkaConfig
from tracker.importer import access_log
from tracker.importer.access_log import Importer, ImportFailed, Job
from tracker.importer.line_reader import LineReader
from tracker.kafka.topics import cluster_id, ensure_topics
from tracker.topics import EVENTS

CLUSTER = "a cluster of tests"
MADE_LINES = [
    f"198.51.100.{number % 7} - - [{1 + number // 10:02}/May/2015:10:05:{number % 60:02} +0000]"
    f' "GET /page/{number} HTTP/1.1" 200 17 "-" "Mozilla/5.0 (Windows NT 10.0) Firefox/{number}"'
    for number in range(100)
]


@pytest.fixture(scope="module")
def kafka(tmp_path_factory: pytest.TempPathFactory) -> Iterator[KafkaConfig]:
    with kafka_address(tmp_path_factory.mktemp("broker")) as bootstrap:
        config = KafkaConfig(bootstrap_servers=bootstrap)
        ensure_topics(config, [EVENTS])
        yield config


def job(directory: Path, lines: list[str], *, site: str | None = None, end: str = "\n") -> Job:
    file = directory / "access.log"
    file.write_text("\n".join(lines) + end)
    return Job(file, site or new_site(), "example.com", directory / "imports", CLUSTER)


def imported(kafka: KafkaConfig, work: Job) -> Importer:
    """A whole run without bar and report."""
    reader = LineReader(work.file)
    importer = Importer(work, reader, SystemClock())
    asyncio.run(importer.run(kafka, lambda: None))
    reader.close()
    return importer


def independent_counts(file: Path) -> tuple[Counter[str], Counter[str]]:
    """(names, days) of the log, counted with nothing but string operations."""
    names: Counter[str] = Counter()
    days: Counter[str] = Counter()
    for line in file.read_text(errors="replace").splitlines():
        parts = line.split('"')
        if len(parts) < 7:
            continue  # cut short in the user agent
        method, target = parts[1].split(" ")[:2]
        status = parts[2].split()[0]
        last = target.split("?")[0].split("#")[0].split("/")[-1]
        is_file = "." in last and last.split(".")[-1].lower() in FILE_TYPES
        if method != "GET" or (status[0] != "2" and status not in ("304", "404", "410")):
            names["request"] += 1
        elif status in ("404", "410"):
            names["404"] += 1
        else:
            names["asset" if is_file else "pageview"] += 1
        days[line.split("[")[1][:11]] += 1
    return names, days


FILE_TYPES = {
    *("css", "js", "mjs", "map", "json", "xml", "txt", "rss", "atom", "wasm", "webmanifest"),
    *("png", "jpg", "jpeg", "gif", "svg", "ico", "webp", "avif", "bmp", "tif", "tiff", "swf"),
    *("woff", "woff2", "ttf", "otf", "eot", "mp3", "mp4", "webm", "ogg", "wav", "avi", "mov"),
    *("pdf", "zip", "gz", "tgz", "bz2", "xz", "7z", "rar", "tar", "exe", "dmg", "iso", "rpm"),
    *("deb", "jar", "doc", "docx", "xls", "xlsx", "ppt", "pptx", "csv"),
}


def test_a_real_log_is_stored_as_it_was_counted_by_hand(kafka: KafkaConfig, tmp_path: Path) -> None:
    file = shared_data("access_log_2015.txt")
    site = new_site()

    importer = imported(kafka, Job(file, site, "semicomplete.com", tmp_path, CLUSTER))

    events = events_of(kafka.bootstrap_servers, site)
    names, days = independent_counts(file)
    assert Counter(event.event_name for event in events) == names
    stored_days = Counter(
        f"{event.occurred_at // 86_400_000 - 16_572 + 17:02}/May/2015" for event in events
    )
    assert stored_days == days  # 17 May 2015 is day 16572
    assert len({event.event_id for event in events}) == len(events) == 9_999
    assert [one.line for one in importer.progress.malformed_lines] == [8_899]
    assert sum(event.is_bot for event in events) == importer.progress.bots > 1_000


def test_a_second_run_adds_nothing(kafka: KafkaConfig, tmp_path: Path) -> None:
    work = job(tmp_path, MADE_LINES)

    imported(kafka, work)
    imported(kafka, work)

    assert len(events_of(kafka.bootstrap_servers, work.site)) == 100


def test_another_cluster_gets_the_log_from_its_beginning(
    kafka: KafkaConfig, tmp_path: Path
) -> None:
    work = job(tmp_path, MADE_LINES)
    imported(kafka, work)

    imported(kafka, dataclasses.replace(work, cluster_id="another"))  # in truth it is the same

    assert len(events_of(kafka.bootstrap_servers, work.site)) == 200


def test_progress_of_a_version_that_knew_one_cluster_only_is_gone_on_with(
    kafka: KafkaConfig, tmp_path: Path
) -> None:
    work = job(tmp_path, MADE_LINES[:60])
    imported(kafka, work)
    (file,) = work.progress_dir.iterdir()
    file.rename(file.with_name(file.name.rpartition("-")[0] + ".json"))

    imported(kafka, job(tmp_path, MADE_LINES, site=work.site))

    assert len(events_of(kafka.bootstrap_servers, work.site)) == 100


def test_a_cluster_says_its_name(kafka: KafkaConfig) -> None:
    assert cluster_id(kafka) == cluster_id(kafka) != ""


def test_a_log_that_has_grown_is_gone_on_with(kafka: KafkaConfig, tmp_path: Path) -> None:
    work = job(tmp_path, MADE_LINES[:60])
    imported(kafka, work)

    imported(kafka, job(tmp_path, MADE_LINES, site=work.site))

    paths = {event.pathname for event in events_of(kafka.bootstrap_servers, work.site)}
    assert paths == {f"/page/{number}" for number in range(100)}


def test_a_run_that_died_before_it_wrote_its_progress_repeats_the_same_ids(
    kafka: KafkaConfig, tmp_path: Path
) -> None:
    work = job(tmp_path, MADE_LINES)
    importer = imported(kafka, work)
    importer._file.save(  # as it stood on disk before the chunk: at the beginning, with its secret
        type(importer.progress)(work.file.name, work.site, secret=importer.progress.secret)
    )

    imported(kafka, work)

    events = events_of(kafka.bootstrap_servers, work.site)
    assert len(events) == 200
    assert len({event.event_id for event in events}) == 100
    assert len({(event.event_id, event.visitor_id) for event in events}) == 100


def test_a_packed_log_is_the_same_log(kafka: KafkaConfig, tmp_path: Path) -> None:
    work = job(tmp_path, MADE_LINES)
    imported(kafka, work)
    packed = tmp_path / "access.log.1.gz"
    packed.write_bytes(gzip.compress(work.file.read_bytes()))

    imported(kafka, dataclasses.replace(work, file=packed))

    assert len(events_of(kafka.bootstrap_servers, work.site)) == 100


def test_a_line_that_is_still_being_written_is_left_for_the_next_run(
    kafka: KafkaConfig, tmp_path: Path
) -> None:
    work = job(tmp_path, [*MADE_LINES[:5], MADE_LINES[5][:40]], end="")

    first = imported(kafka, work)
    second = imported(kafka, job(tmp_path, MADE_LINES[:6], site=work.site))

    assert (first.progress.lines, first.progress.malformed) == (5, 0)
    assert second.progress.lines == 6
    assert len(events_of(kafka.bootstrap_servers, work.site)) == 6


def test_malformed_lines_are_counted_and_the_first_are_listed(
    kafka: KafkaConfig, tmp_path: Path
) -> None:
    work = job(tmp_path, [MADE_LINES[0], *["nonsense"] * 50, "x" * 200_000, MADE_LINES[1]])

    progress = imported(kafka, work).progress

    assert (progress.lines, progress.malformed) == (53, 51)
    assert [one.line for one in progress.malformed_lines] == list(range(2, 22))
    assert len(events_of(kafka.bootstrap_servers, work.site)) == 2


def test_the_secret_of_visitor_ids_ends_with_the_import(kafka: KafkaConfig, tmp_path: Path) -> None:
    work = job(tmp_path, MADE_LINES)

    imported(kafka, work)

    (file,) = work.progress_dir.iterdir()
    assert json.loads(file.read_bytes())["secret"] is None
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_a_visitor_is_one_for_a_day(kafka: KafkaConfig, tmp_path: Path) -> None:
    line = MADE_LINES[0]
    next_day = line.replace("01/May", "02/May")
    work = job(tmp_path, [line, line.replace("/page/0", "/x"), next_day])

    imported(kafka, work)

    one, same, other = (e.visitor_id for e in events_of(kafka.bootstrap_servers, work.site))
    assert one == same
    assert one != other


@pytest.mark.parametrize("content", [b"", b"hello\n" * 10, bytes(range(256)) * 50])
def test_what_is_no_log_is_refused(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "file"
    file.write_bytes(content)

    with closing(LineReader(file)) as reader, pytest.raises(ImportFailed, match="Combined Log"):
        Importer(Job(file, "s", "h", tmp_path, CLUSTER), reader, SystemClock())


def test_a_missing_or_broken_file_is_one_clear_line(
    kafka: KafkaConfig, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    broken = tmp_path / "broken.gz"
    broken.write_bytes(gzip.compress("\n".join(MADE_LINES).encode())[:-20])

    codes = [
        access_log.run(kafka, Job(file, "s", "h", tmp_path / "imports", CLUSTER))
        for file in (tmp_path / "absent", broken)
    ]

    complaints = [line for line in capsys.readouterr().err.splitlines() if "cannot be" in line]
    assert codes == [1, 1]
    assert len(complaints) == 2
