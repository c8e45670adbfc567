"""Public keys that come from elsewhere and change there: those of today, and who asks for others.

A token may name a key that is not here yet. Then the keys are wanted anew at once, but for one name
only once a minute and for few names at a time: names come from whoever wants to log in. Numbers as
in Kafka (RefreshingHttpsJwks, KIP-768).
"""

from collections.abc import Callable

from broker.security.jwt import Key

MISSED_MS = 60_000
MISSED_MAX = 16
KEY_ID_CHARACTERS_MAX = 1000


class KeyRing:
    """The keys of today, and the ids of keys that tokens named in vain."""

    def __init__(self) -> None:
        self.keys: tuple[Key, ...] = ()
        self.on_missed: Callable[[], None] = lambda: None
        """Called when the keys should be fetched again, sooner than usual."""
        self._missed_at_ms: dict[str, float] = {}

    def missed(self, key_id: str, now_ms: float) -> None:
        """A token names a key that is not here. `now_ms`: of a clock that does not jump."""
        self._missed_at_ms = {
            name: at_ms for name, at_ms in self._missed_at_ms.items() if now_ms - at_ms < MISSED_MS
        }
        if (
            len(key_id) <= KEY_ID_CHARACTERS_MAX
            and key_id not in self._missed_at_ms
            and len(self._missed_at_ms) < MISSED_MAX
        ):
            self._missed_at_ms[key_id] = now_ms
            self.on_missed()
