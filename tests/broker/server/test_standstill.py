"""An event loop that stands still: whoever asks for health is told so, and why."""

import asyncio
import logging
import os
import threading
import time
import urllib.error
import urllib.request
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from broker.server import standstill
from broker.server.metrics_http import MetricsServer, Told
from broker.server.standstill import Standstill
from broker.storage.files import OsFiles
from tests.broker.server.test_metrics_http import TOLD

STANDSTILL_S = 0.2
LOOK_S = 0.02


@asynccontextmanager
async def watched(told: Told = TOLD, standstill_s: float = STANDSTILL_S) -> AsyncIterator[str]:
    server = MetricsServer(lambda: iter((b"footfall_up 1.0\n",)), lambda: "", told)
    port = await server.start("127.0.0.1", 0)
    watch = asyncio.ensure_future(Standstill(standstill_s, LOOK_S).run(server.listening))
    await asyncio.sleep(0)
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        watch.cancel()
        await asyncio.wait([watch])
        await server.stop()


def asked(url: str) -> tuple[int, str]:
    """Status and text of a question to a broker that may stand still."""
    try:
        with urllib.request.urlopen(url, timeout=20) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


class Disk:
    """Hangs in each sync until somebody who asked was answered."""

    def __init__(self, urls: list[str]) -> None:
        self._urls = urls
        self.answers: list[tuple[int, str]] = []

    def fdatasync(self, descriptor: int) -> None:
        asker = threading.Thread(target=self._ask)
        asker.start()
        asker.join()

    def _ask(self) -> None:
        self.answers += map(asked, self._urls)


@pytest.mark.may_block
async def test_whoever_asks_meanwhile_is_told_what_the_loop_waits_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING, standstill.__name__)
    file = OsFiles().open(f"{tmp_path}/000.log", create=True)
    async with watched() as url:
        disk = Disk([f"{url}/health", f"{url}/metrics"])
        monkeypatch.setattr(os, "fdatasync", disk.fdatasync)
        file.sync()
        after = await asyncio.to_thread(asked, f"{url}/health")

    cause = f"the disk does not answer, it waits for {tmp_path}/000.log\n"
    assert [status for status, _ in disk.answers] == [503, 503]
    for _, text in disk.answers:
        assert text.startswith("the event loop has stood still for ")
        assert text.endswith(cause)
    assert after == (200, "ok\n")
    assert caplog.messages[0].endswith(cause.strip())
    assert sum(message.endswith(cause.strip()) for message in caplog.messages) == 1


@pytest.mark.may_block
async def test_where_it_is_no_disk_the_code_is_named() -> None:
    told: list[tuple[int, str]] = []

    def appended_between(topic: str, partition: int, offset: int) -> None:
        """Called by the broker's own code; it stands still until a question was answered."""
        asker = threading.Thread(target=lambda: told.append(asked(f"{urls[0]}/health")))
        asker.start()
        asker.join()

    urls: list[str] = []
    async with watched(Told(appended_between, TOLD.share_deliveries)) as url:
        urls.append(url)
        question = urllib.request.Request(f"{url}/append-times", data=b'{"places": [["t", 0, 1]]}')
        await asyncio.to_thread(lambda: urllib.request.urlopen(question, timeout=20).read())

    assert told[0][0] == 503
    assert "MetricsServer._append_times" in told[0][1]


class StoppedProcess:
    """A clock that has gone on for an hour when it is asked again."""

    def __init__(self) -> None:
        self._loop_thread = threading.get_ident()
        self._ahead_s = 0.0
        self._looks = 0
        self._looked = threading.Event()

    def monotonic(self) -> float:
        if self._ahead_s and threading.get_ident() != self._loop_thread:
            self._looks += 1
            if self._looks == 10:  # by the watching thread: of several looks
                self._looked.set()
        return time.monotonic() + self._ahead_s

    def go_on_and_be_looked_at(self) -> None:
        self._ahead_s = 3600.0
        assert self._looked.wait(20)


@pytest.mark.may_block
async def test_a_process_that_was_stopped_did_not_stand_still(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING, standstill.__name__)
    stopped = StoppedProcess()
    monkeypatch.setattr(standstill, "monotonic", stopped.monotonic)
    async with watched(standstill_s=1800.0):
        stopped.go_on_and_be_looked_at()  # the loop has no turn meanwhile

    assert caplog.messages == []
