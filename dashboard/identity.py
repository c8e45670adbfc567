"""Who asks, and what such a one may do."""

from dataclasses import dataclass
from enum import IntEnum
from typing import Protocol


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
    groups: tuple[str, ...] = ()  # as the provider or directory says who signed them in
    site: str = ""  # the only one that is shown, to who came by a link; empty: no such bound


class NotAllowed(Exception):
    """The one who asks may not do this; the message says what is missing."""


class RoleLists(Protocol):
    """Which groups, as others call them, stand for which role."""

    @property
    def admins(self) -> tuple[str, ...]: ...
    @property
    def editors(self) -> tuple[str, ...]: ...
    @property
    def viewers(self) -> tuple[str, ...]: ...  # *: everybody


def role_among(groups: set[str], lists: RoleLists) -> Role | None:
    """The highest role that one of the groups stands for; None: none at all."""
    if groups & set(lists.admins):
        return Role.ADMIN
    if groups & set(lists.editors):
        return Role.EDITOR
    if groups & set(lists.viewers) or "*" in lists.viewers:
        return Role.VIEWER
    return None
