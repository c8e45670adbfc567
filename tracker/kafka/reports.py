"""A thread that waits for the delivery reports of a librdkafka client.

The client for Python has no descriptor that an event loop could watch: of a report hears who is in
`poll` when it comes. A loop that looks from time to time hears of it a timer later.
"""

import threading
from collections.abc import Callable
from typing import Final, Protocol

THREAD: Final = "kafka-reports"
WAIT_S: Final = 0.1  # of one `poll`: so long a thread that is to end may take to notice


class Client(Protocol):
    """librdkafka's producer."""

    def poll(self, timeout: float) -> int:
        """Call back for what has come, after at most so many seconds; for how much it was."""

    def __len__(self) -> int:
        """What is under way, or reported and not called back for yet."""


class Reports:
    """Calls the callbacks of one client as their reports come, in a thread of its own."""

    def __init__(self, client: Client, told: Callable[[], None]) -> None:
        """`told` is called in the thread after callbacks, once for those that came together.

        A RuntimeError of `told` says that its event loop is closed, and ends the thread.
        """
        self._client = client
        self._told = told
        self._is_retired = self._is_closed = False
        self._thread = threading.Thread(target=self._run, name=THREAD, daemon=True)
        self._thread.start()

    @property
    def is_over(self) -> bool:
        """Nobody waits any more."""
        return not self._thread.is_alive()

    def retire(self) -> None:
        """End with the last report of what the client has been given."""
        self._is_retired = True

    def close(self) -> None:
        """End, and return when the thread has: within about WAIT_S."""
        self._is_closed = True
        self._thread.join()

    def join(self, timeout_s: float) -> None:
        """Return when the thread has ended by itself, at most `timeout_s` later."""
        self._thread.join(timeout_s)

    def _run(self) -> None:
        while not self._is_closed and not (self._is_retired and len(self._client) == 0):
            if self._client.poll(WAIT_S):
                try:
                    self._told()
                except RuntimeError:
                    return
