"""A clock that stands still until a test moves it."""


class ManualClock:
    """Both of the broker's clocks in one number; `advance` moves them together."""

    def __init__(self, now_ms: int = 1_700_000_000_000) -> None:
        self._now_ms = now_ms
        self._monotonic_ms = 0.0

    def now_ms(self) -> int:
        return self._now_ms

    def monotonic_ms(self) -> float:
        return self._monotonic_ms

    def advance(self, milliseconds: int) -> None:
        """Let time pass on both clocks."""
        self._now_ms += milliseconds
        self._monotonic_ms += milliseconds

    def jump(self, milliseconds: int) -> None:
        """Move only the wall clock, as an operator or NTP would."""
        self._now_ms += milliseconds
