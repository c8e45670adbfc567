"""Who asks, and what such a one may do."""

from dataclasses import dataclass
from enum import IntEnum


class Role(IntEnum):
    """Each may do what those below may."""

    VIEWER = 1  # sees everything
    EDITOR = 2  # changes topics, offsets, silences
    ADMIN = 3  # accounts and tokens as well

    @property
    def word(self) -> str:
        return self.name.lower()


@dataclass(frozen=True, slots=True)
class Identity:
    """One person or program for the length of a request."""

    name: str
    role: Role
    host: str = ""  # the address it came from
    csrf: str = ""  # what its forms must bring; empty for programs with a token
    by_token: bool = False
    groups: tuple[str, ...] = ()  # as the provider says who signed them in


class NotAllowed(Exception):
    """The one who asks may not do this; the message says what is missing."""
