"""Who is signed in: sessions in memory, gone with a restart; and how often one may try."""

import secrets
from collections import deque
from dataclasses import dataclass
from typing import Final

from dashboard.identity import Role
from tracker.clock import Clock

IDLE_MS: Final = 12 * 3_600_000
AGE_MS: Final = 7 * 86_400_000
SESSIONS_MAX: Final = 1_000
TRIES: Final = 5  # failures of one address in WINDOW_MS
TRIES_ALL: Final = 100  # of all addresses together
WINDOW_MS: Final = 300_000
ADDRESSES_MAX: Final = 10_000
PROVIDER: Final = "sso"
DIRECTORY: Final = "ldap"


@dataclass(slots=True)
class Session:
    """One browser that signed in."""

    user: str
    csrf: str
    began_ms: float
    seen_ms: float
    role: Role | None = None  # as a provider said; None: a local user, whose role is looked up
    lasts_ms: float = AGE_MS
    id_token: str = ""  # of the provider, which wants it at sign-out
    groups: tuple[str, ...] = ()  # as the provider said
    voucher: str = ""  # the kind of who said so: what comes before the name


@dataclass(frozen=True, slots=True)
class Vouched:
    """Whom a provider or a directory vouches for, and for how long."""

    user: str
    role: Role
    lasts_ms: float
    id_token: str = ""
    groups: tuple[str, ...] = ()
    voucher: str = PROVIDER

    @property
    def name(self) -> str:
        """Nobody else's, whoever else is called so."""
        return f"{self.voucher}:{self.user}"


class Sessions:
    """Sessions by their secret name."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._open: dict[str, Session] = {}

    def others(self) -> "Sessions":
        """A book of its own beside this one, by the same clock."""
        return Sessions(self._clock)

    def start_for(self, person: Vouched) -> str:
        """As `start`, for somebody whom a provider vouches for."""
        key = self.start(person.user)
        session = self._open[key]
        session.role, session.lasts_ms = person.role, person.lasts_ms
        session.id_token, session.groups = person.id_token, person.groups
        session.voucher = person.voucher
        return key

    def start(self, user: str) -> str:
        """The secret for the cookie. The session unused the longest goes when there are many."""
        now = self._clock.monotonic_ms()
        if len(self._open) >= SESSIONS_MAX:
            oldest = min(self._open, key=lambda key: self._open[key].seen_ms)
            del self._open[oldest]
        key = secrets.token_urlsafe(32)
        self._open[key] = Session(user, secrets.token_urlsafe(24), now, now)
        return key

    def find(self, key: str) -> Session | None:
        """The session, which is thereby used; None when it is not there or too old."""
        session = self.peek(key)
        if session is not None:
            session.seen_ms = self._clock.monotonic_ms()
        return session

    def peek(self, key: str) -> Session | None:
        """As `find`, without using it: a page that is only open keeps nobody signed in."""
        session = self._open.get(key)
        if session is None:
            return None
        now = self._clock.monotonic_ms()
        if now - session.seen_ms > IDLE_MS or now - session.began_ms > session.lasts_ms:
            del self._open[key]
            return None
        return session

    def end(self, key: str) -> None:
        self._open.pop(key, None)

    def end_all_of(self, user: str) -> None:
        """After a new password or a new role."""
        for key in [key for key, session in self._open.items() if session.user == user]:
            del self._open[key]


class Attempts:
    """Failed sign-ins, or other tries that are bounded: of one address, and of all."""

    def __init__(self, clock: Clock, tries: int = TRIES, tries_all: int | None = TRIES_ALL) -> None:
        """`tries_all` None: whatever others do, an address has its own tries."""
        self._clock = clock
        self._tries, self._tries_all = tries, tries_all
        self._failed: dict[str, deque[float]] = {}
        self._all: deque[float] = deque(maxlen=tries_all or 0)

    def wait_s(self, address: str) -> int:
        """Seconds until this address may try again; 0: now."""
        now = self._clock.monotonic_ms()
        waits = [0.0]
        own = self._failed.get(address)
        if own is not None and len(own) >= self._tries:
            waits.append(own[0] + WINDOW_MS - now)
        if self._tries_all is not None and len(self._all) >= self._tries_all:
            waits.append(self._all[0] + WINDOW_MS - now)
        return -(-round(max(waits)) // 1000)

    def failed(self, address: str) -> None:
        now = self._clock.monotonic_ms()
        if len(self._failed) >= ADDRESSES_MAX:
            self._failed.pop(next(iter(self._failed)))
        self._failed.setdefault(address, deque(maxlen=self._tries)).append(now)
        self._all.append(now)

    def succeeded(self, address: str) -> None:
        self._failed.pop(address, None)
