"""A log that a flood cannot fill: so many lines a while, then how many were left out."""

import logging

WINDOW_S = 10.0


class SparingLog:
    """Lines of one kind; times are monotonic seconds."""

    def __init__(self, log: logging.Logger, what: str, lines_max: int = 20) -> None:
        """`what` the lines are about, for the line that counts those left out."""
        self._log = log
        self._what = what
        self._lines_max = lines_max
        self._began_s = float("-inf")
        self._lines = 0

    def tell(self, level: int, now_s: float, message: str, *values: object) -> None:
        """Write the line, unless there were enough of them lately."""
        if now_s - self._began_s >= WINDOW_S:
            if self._lines > self._lines_max:
                left_out = self._lines - self._lines_max
                self._log.log(level, "%s: %d lines were left out", self._what, left_out)
            self._began_s, self._lines = now_s, 0
        self._lines += 1
        if self._lines <= self._lines_max:
            self._log.log(level, message, *values)
