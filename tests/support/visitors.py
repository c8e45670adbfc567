"""Many browsers that post events and keep what was refused, as the beacon does."""

import http.client
import json
import threading
import time
import uuid
from contextlib import suppress
from types import TracebackType
from typing import Self

BROWSER = "Mozilla/5.0 (X11; Linux x86_64; rv:145.0) Gecko/20100101 Firefox/145.0"
RETRY_SECONDS = 0.05
PAUSE_SECONDS = 0.002  # between two events of one browser: load, not a flood


class Visitors:
    """Threads that post until the context ends; an event is repeated with its id until stored."""

    def __init__(self, port: int, site: str, browsers: int = 4) -> None:
        self._port = port
        self._site = site
        self._stop = threading.Event()
        self._threads = [threading.Thread(target=self._browse) for _ in range(browsers)]
        self._lock = threading.Lock()
        self.sent: set[str] = set()
        self.stored: set[str] = set()
        self.answers: dict[int, int] = {}
        self.refused_for_ever = 0
        """Answers 429 and 503 that do not say when to come back."""

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join()

    def wait_for_more(self, events: int, seconds: float = 90.0) -> None:
        """Returns when so many further events were acknowledged."""
        wanted = len(self.stored) + events
        deadline = time.monotonic() + seconds
        while len(self.stored) < wanted:
            assert time.monotonic() < deadline, f"too slow: {len(self.stored)}, {self.answers}"
            self._stop.wait(0.05)

    def _browse(self) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=15)
        while not self._stop.is_set():
            event_id = str(uuid.uuid4())
            with self._lock:
                self.sent.add(event_id)
            while not self._post(connection, event_id) and not self._stop.is_set():
                self._stop.wait(RETRY_SECONDS)
            self._stop.wait(PAUSE_SECONDS)
        connection.close()

    def _post(self, connection: http.client.HTTPConnection, event_id: str) -> bool:
        """Whether the event was acknowledged."""
        status, is_bare = 0, False
        with suppress(OSError, http.client.HTTPException):
            connection.request(
                "POST", "/api/event", event_body(self._site, event_id), {"User-Agent": BROWSER}
            )
            answer = connection.getresponse()
            answer.read()
            status = answer.status
            is_bare = status in (429, 503) and not answer.headers.get("Retry-After")
        if status == 0:
            connection.close()
        with self._lock:
            self.refused_for_ever += is_bare
            self.answers[status] = self.answers.get(status, 0) + 1
            if status == 202:
                self.stored.add(event_id)
        return status == 202


def event_body(site: str, event_id: str, path: str = "/") -> str:
    """One page view in the beacon's envelope."""
    now_ms = time.time_ns() // 1_000_000
    event = {
        "id": event_id,
        "name": "pageview",
        "site": site,
        "url": f"https://{site}{path}",
        "ts": now_ms,
    }
    return json.dumps({"v": 1, "sent_at": now_ms, "events": [event]})
