"""Requests that are no HTTP are refused by aiohttp, which logs each with its bytes and a traceback.

Anybody can send them, as many as they like; addresses of visitors are not written down here. What
is left is one line in ten seconds that counts them.
"""

import logging
import time
from collections.abc import Callable
from typing import Final

from aiohttp.http_exceptions import HttpProcessingError

SILENT_S: Final = 10.0


class MalformedRequests(logging.Filter):
    """Of all that the server's logger says only refusals of the parser are changed."""

    def __init__(self, monotonic_s: Callable[[], float] = time.monotonic) -> None:
        super().__init__()
        self._monotonic_s = monotonic_s
        self._silent_until_s = float("-inf")
        self._count = 0

    def filter(self, record: logging.LogRecord) -> bool:
        error = record.exc_info[1] if record.exc_info else None
        if not isinstance(error, HttpProcessingError):
            return True
        self._count += 1
        if self._monotonic_s() < self._silent_until_s:
            return False
        self._silent_until_s = self._monotonic_s() + SILENT_S
        record.levelno, record.levelname = logging.INFO, "INFO"
        record.msg = "requests refused that are no HTTP count=%d last=%s"
        record.args = (self._count, type(error).__name__)
        record.exc_info = record.exc_text = None
        self._count = 0
        return True


_ONLY: Final = MalformedRequests()


def count_malformed_requests() -> None:
    """From now on; once a process, however often it is asked for."""
    logging.getLogger("aiohttp.server").addFilter(_ONLY)
