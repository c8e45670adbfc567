"""A request that came before with other records: begun and answered without the codec.

It stands in the row of its connection's requests like any other.
"""

import logging
from collections.abc import Callable
from typing import Any

from broker.server.dispatcher import Request, response_frame
from broker.server.known_requests import Found

log = logging.getLogger(__name__)


class RepeatedRequest(Request):
    """A frame whose records were found in it, until its answer is sent."""

    __slots__ = ("_done", "_failed", "_found")

    def __init__(
        self,
        found: Found,
        arrived_s: float,
        frame_bytes: int,
        done: Callable[["RepeatedRequest"], None],
        failed: Callable[[Exception], None],
    ) -> None:
        """`done` is called when the answer is ready; `failed` when a bug has come between."""
        self.route = found[0].route
        self.frame_bytes = frame_bytes
        self.arrived_s = self.started_s = arrived_s
        self.task = None
        self.is_ready = False
        self.throttle_ms = 0
        self.answer = None
        self._found = found
        self._done = done
        self._failed = failed

    def begin(self, now_ms: int) -> bool:
        """False, and nothing begun: it has to be answered in the usual way."""
        known, _, records = self._found
        return known.repeat.start(records, now_ms, self._answered)

    def _answered(self, told: Any) -> None:
        known, correlation_id, records = self._found
        try:
            reply = known.repeat.answer(told, records)
            if type(reply) is list:
                self.answer = [known.response.fill(correlation_id, reply)]
            else:
                self.answer = response_frame(reply, correlation_id, known.route)
        except Exception as error:  # noqa: BLE001 - it costs this connection only
            self._failed(error)
            return
        self._done(self)
