"""Who may sign in, with which tokens, and links that show a site: one file, 0600, replaced whole.

All methods that write block: call them from a thread. Reading is from memory.
"""

import json
import secrets
import threading
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Final

from dashboard.access import passwords
from dashboard.access.origins import checked_origins
from dashboard.identity import Role
from footfall.settings import SettingsError
from tracker.json_file import VERSION, refuse_newer
from tracker.secret_file import replace_file

FIRST: Final = "admin"
STORE: Final = 2  # version of the file; 2: links know who may frame them
LINKS_MAX: Final = 200
_ROLE_OF: Final = {"read": Role.VIEWER, "write": Role.EDITOR, "admin": Role.ADMIN}


class AccountError(Exception):
    """What was asked of the accounts cannot be; the message is for people."""


@dataclass(frozen=True, slots=True)
class User:
    name: str
    role: Role
    password_hash: str


@dataclass(frozen=True, slots=True)
class Token:
    """A program's key; only its hash is kept."""

    name: str
    scopes: tuple[str, ...]
    token_hash: str
    created_at_ms: int

    @property
    def role(self) -> Role | None:
        """None: good for metrics only."""
        return max((_ROLE_OF[scope] for scope in self.scopes if scope in _ROLE_OF), default=None)


@dataclass(frozen=True, slots=True)
class Link:
    """Shows the activity of one site to whoever has it; only the hash of its secret is kept."""

    name: str
    site: str
    secret_hash: str
    password_hash: str  # empty: none is asked for
    created_at_ms: int
    frames: tuple[str, ...] = ()  # origins whose pages may show it in a frame


@dataclass(frozen=True, slots=True)
class NewLink:
    """What is asked for."""

    name: str
    site: str
    password: str = ""  # empty: none is asked for
    frames: tuple[str, ...] = ()


class Accounts:
    """Users, tokens and links of one dashboard."""

    def __init__(self, path: Path) -> None:
        """Raises SettingsError for a file that is damaged, or newer than we are: another one in
        its place would let a stranger begin."""
        self._path = path
        self._lock = threading.Lock()
        self._users: dict[str, User] = {}
        self._tokens: dict[str, Token] = {}
        self._links: dict[str, Link] = {}
        if path.exists():
            try:
                self._read(json.loads(path.read_text()))
            except (OSError, ValueError, LookupError, TypeError) as error:
                raise SettingsError(
                    f"users and tokens in {path} cannot be read ({error}): put a copy of it back,"
                    " or move it away to begin with a new password of admin, without the others"
                ) from error

    def _read(self, body: Any) -> None:
        refuse_newer(body, self._path, STORE)
        for user in body["users"]:
            self._users[user["name"]] = User(
                user["name"], Role(user["role"]), user["password_hash"]
            )
        for token in body["tokens"]:
            made = Token(**{**token, "scopes": tuple(token["scopes"])})
            self._tokens[made.name] = made
        for link in body.get("links", ()):  # a file from before there were any has none
            frames = checked_origins(link.get("frames", ()))
            self._links[link["name"]] = Link(**{**link, "frames": frames})
        if not (self._users or self._tokens or self._links):
            raise ValueError("it names nobody")

    def first_password(self) -> str | None:
        """Makes the first administrator; its password, or None when somebody is there already."""
        if self._users:
            return None
        password = secrets.token_urlsafe(12)
        self.put_user(FIRST, Role.ADMIN, password)
        return password

    def users(self) -> list[User]:
        return sorted(self._users.values(), key=lambda user: user.name)

    def tokens(self) -> list[Token]:
        return sorted(self._tokens.values(), key=lambda token: token.name)

    def links(self) -> list[Link]:
        return sorted(self._links.values(), key=lambda link: link.name)

    def check(self, name: str, password: str) -> User | None:
        """The user of that name and password. Slow on purpose, for unknown names as well."""
        user = self._users.get(name)
        stored = user.password_hash if user is not None else _NOBODY
        return user if passwords.fits(password, stored) and user is not None else None

    def user(self, name: str) -> User | None:
        return self._users.get(name)

    def token(self, presented: str) -> Token | None:
        """Found by its hash: comparing hashes tells nothing of a token by its timing."""
        wanted = passwords.token_hash(presented)
        for token in self._tokens.values():
            if token.token_hash == wanted:
                return token
        return None

    def link(self, presented: str) -> Link | None:
        """Found by its hash, as a token is."""
        wanted = passwords.token_hash(presented)
        return next((one for one in self._links.values() if one.secret_hash == wanted), None)

    def put_user(self, name: str, role: Role, password: str) -> None:
        """A new user, or a new role and password of one that is there."""
        if not passwords.PASSWORD_MIN <= len(password) <= passwords.PASSWORD_MAX:
            raise AccountError(f"a password has at least {passwords.PASSWORD_MIN} letters")
        made = User(name, role, passwords.hashed(password))
        with self._lock:
            others = {key: user for key, user in self._users.items() if key != name}
            self._save(replace(self._book(), users={**others, name: made}))

    def delete_user(self, name: str) -> None:
        with self._lock:
            left = {key: user for key, user in self._users.items() if key != name}
            if len(left) == len(self._users):
                raise AccountError(f"there is no user {name}")
            self._save(replace(self._book(), users=left))

    def add_token(self, name: str, scopes: tuple[str, ...], now_ms: int) -> str:
        """The token itself, shown this once."""
        text = passwords.new_token()
        made = Token(name, scopes, passwords.token_hash(text), now_ms)
        with self._lock:
            if name in self._tokens:
                raise AccountError(f"there is a token {name} already")
            self._save(replace(self._book(), tokens={**self._tokens, name: made}))
        return text

    def delete_token(self, name: str) -> None:
        with self._lock:
            left = {key: token for key, token in self._tokens.items() if key != name}
            if len(left) == len(self._tokens):
                raise AccountError(f"there is no token {name}")
            self._save(replace(self._book(), tokens=left))

    def add_link(self, wish: "NewLink", now_ms: int) -> str:
        """The secret of the link, shown this once. Raises AccountError."""
        if wish.password and wish.frames:
            raise AccountError(
                "a link in a frame cannot ask for a password: browsers send no cookie from there"
            )
        secret, name = secrets.token_urlsafe(24), wish.name
        locked = passwords.hashed(wish.password) if wish.password else ""
        made = Link(name, wish.site, passwords.token_hash(secret), locked, now_ms, wish.frames)
        with self._lock:
            if name in self._links:
                raise AccountError(f"there is a link {name} already")
            if len(self._links) >= LINKS_MAX:
                raise AccountError(f"there are {LINKS_MAX} links already: end one first")
            self._save(replace(self._book(), links={**self._links, name: made}))
        return secret

    def delete_link(self, name: str) -> None:
        with self._lock:
            left = {key: link for key, link in self._links.items() if key != name}
            if len(left) == len(self._links):
                raise AccountError(f"there is no link {name}")
            self._save(replace(self._book(), links=left))

    def _book(self) -> "_Book":
        return _Book(self._users, self._tokens, self._links)

    def _save(self, book: "_Book") -> None:
        """On disk first, then in memory; refuses to leave nobody who could sign in as admin.

        Where nobody ever had to sign in there is no user, and programs have tokens all the same.
        """
        if not any(user.role is Role.ADMIN for user in book.users.values()):
            if self._users:
                raise AccountError("the last administrator cannot go")
            if book.users:
                raise AccountError("the first user must be an administrator")
        body = {
            VERSION: STORE,
            "users": [asdict(user) for user in book.users.values()],
            "tokens": [asdict(token) for token in book.tokens.values()],
            "links": [asdict(link) for link in book.links.values()],
        }
        replace_file(self._path, json.dumps(body, indent=1).encode())
        self._users, self._tokens, self._links = book.users, book.tokens, book.links


@dataclass(frozen=True, slots=True)
class _Book:
    """All that the file holds."""

    users: dict[str, User]
    tokens: dict[str, Token]
    links: dict[str, Link]


_NOBODY: Final = "scrypt$" + "00" * 16 + "$" + "00" * 64
