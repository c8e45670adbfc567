"""What a directory tells about somebody who wants in, and how it fails to."""

from dataclasses import dataclass

from dashboard.identity import Role


@dataclass(frozen=True, slots=True)
class Person:
    """Whom the directory knows by name and password."""

    name: str  # as the directory writes it, however it was typed
    role: Role
    groups: tuple[str, ...] = ()


class NotOurs(Exception):
    """Name and password are right, but there is no role; the message says so, and is shown."""


class Away(Exception):
    """The directory did not answer, or not so that anybody could be let in; the message is shown.

    Why is in the log: an address or an account of ours is nothing for the sign-in page.
    """

    def __init__(self, sentence: str = "The directory does not answer.") -> None:
        super().__init__(sentence)
