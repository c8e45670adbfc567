"""Actions on the dashboard itself, not on a cluster: users, tokens and links.

Same way in as `catalogue`: POST /api/v1/actions/<name>, role, audit.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from html import escape
from typing import Annotated, Any, Final, Literal
from urllib.parse import urlencode

from msgspec import Meta

from dashboard.access.accounts import Accounts, NewLink
from dashboard.access.origins import ORIGINS_MAX, NotAnOrigin, checked_origins
from dashboard.access.passwords import PASSWORD_MAX, PASSWORD_MIN
from dashboard.access.sessions import Sessions
from dashboard.actions.perform import Outcome
from dashboard.actions.wishes import Confirm, Wish
from dashboard.alerts.desk import AlertDesk
from dashboard.identity import Identity, Role
from tracker.clock import Clock
from tracker.kafka.changes import Refused
from tracker.sites import NAME

Label = Annotated[str, Meta(pattern=r"^[A-Za-z0-9._@+-]{1,64}\Z")]
Scope = Literal["metrics", "read", "write", "admin"]


class PutUser(Wish, frozen=True):
    """A new user, or a new password and role for one that is there."""

    user: Label
    role: Literal["viewer", "editor", "admin"]
    password: Annotated[str, Meta(min_length=PASSWORD_MIN, max_length=PASSWORD_MAX)]


class DeleteUser(Wish, frozen=True):
    user: Label
    confirm: Confirm


class CreateToken(Wish, frozen=True):
    """Scopes: metrics (only /metrics), read, write (as an editor), admin."""

    token: Label
    scopes: Annotated[tuple[Scope, ...], Meta(min_length=1, max_length=4)]


class DeleteToken(Wish, frozen=True):
    token: Label
    confirm: Confirm


class CreateLink(Wish, frozen=True):
    """Shows the activity of a site, and nothing else, to whoever has it."""

    link: Label
    site: Annotated[str, Meta(min_length=1, max_length=253)]
    password: Annotated[str, Meta(max_length=PASSWORD_MAX)] = ""
    frames: Annotated[tuple[str, ...], Meta(max_length=ORIGINS_MAX)] = ()
    """Origins whose pages may show it in a frame."""


class DeleteLink(Wish, frozen=True):
    link: Label
    confirm: Confirm


class SilenceAlerts(Wish, frozen=True):
    """Alerts with all of these labels; `alertname` and `severity` are labels as well."""

    labels: Annotated[dict[str, str | None], Meta(min_length=1, max_length=10)]
    minutes: Annotated[int, Meta(ge=1, le=43_200)]
    comment: Annotated[str, Meta(max_length=200)] = ""


class EndSilence(Wish, frozen=True):
    silence: Annotated[str, Meta(max_length=20)]


class SendLetter(Wish, frozen=True):
    """About the last week that is over, to all who get it on Mondays."""

    letter: Literal["week"] = "week"


class TestAlerts(Wish, frozen=True):
    channel: Literal["all"] = "all"


SendNow = Callable[[], Awaitable[list[tuple[str, str]] | None]]
"""Ways that a letter went, each with what went wrong; None: there is nothing to tell."""


@dataclass(frozen=True, slots=True)
class Household:
    """What commands work with."""

    accounts: Accounts
    sessions: Sessions
    clock: Clock
    alerts: AlertDesk
    base_url: str = ""  # where browsers reach the dashboard
    send_letter: SendNow | None = None  # None: nobody wants letters


Run = Callable[[Household, Any, Identity], Awaitable[Outcome]]


@dataclass(frozen=True, slots=True)
class Command:
    """One of them; `subject` is the field that names what is changed."""

    name: str
    summary: str
    wish: type[Wish]
    run: Run
    subject: str
    role: Role = Role.ADMIN
    confirmed: bool = False


async def put_user(house: Household, wish: PutUser, who: Identity) -> Outcome:
    role = Role[wish.role.upper()]
    await asyncio.to_thread(house.accounts.put_user, wish.user, role, wish.password)
    house.sessions.end_all_of(wish.user)
    return Outcome(f"{wish.user} may sign in as {wish.role}.", True)


async def delete_user(house: Household, wish: DeleteUser, who: Identity) -> Outcome:
    await asyncio.to_thread(house.accounts.delete_user, wish.user)
    house.sessions.end_all_of(wish.user)
    return Outcome(f"{wish.user} was deleted and signed out.", True)


async def create_token(house: Household, wish: CreateToken, who: Identity) -> Outcome:
    now_ms = house.clock.now_ms()
    text = await asyncio.to_thread(house.accounts.add_token, wish.token, wish.scopes, now_ms)
    row = {"token": text}
    return Outcome("The token is shown this once; keep it in a safe place.", True, (row,))


async def delete_token(house: Household, wish: DeleteToken, who: Identity) -> Outcome:
    await asyncio.to_thread(house.accounts.delete_token, wish.token)
    return Outcome(f"Token {wish.token} opens nothing any more.", True)


async def create_link(house: Household, wish: CreateLink, who: Identity) -> Outcome:
    if not NAME.fullmatch(wish.site):
        raise Refused(f"{wish.site[:100]!r} is no name of a site")
    now_ms = house.clock.now_ms()
    try:
        frames = checked_origins(wish.frames)
    except NotAnOrigin as error:
        raise Refused(str(error)) from error
    asked = NewLink(wish.link, wish.site, wish.password, frames)
    secret = await asyncio.to_thread(house.accounts.add_link, asked, now_ms)
    address = f"{house.base_url}/activity?{urlencode({'site': wish.site, 'shared': secret})}"
    row = {"link": address}
    if frames:
        row["for a page"] = snippet(address, wish.site)
    return Outcome("The link is shown this once; send it to whom you like.", True, (row,))


def snippet(address: str, site: str) -> str:
    """What a page needs to show a shared view; `theme` in it may be light or dark."""
    source = escape(f"{address}&embed=true&theme=system", quote=True)
    title = escape(f"Visitors of {site}", quote=True)
    return (
        f'<iframe src="{source}" title="{title}" loading="lazy" width="100%" height="1600"'
        ' style="border:0"></iframe>'
    )


async def delete_link(house: Household, wish: DeleteLink, who: Identity) -> Outcome:
    await asyncio.to_thread(house.accounts.delete_link, wish.link)
    return Outcome(f"Link {wish.link} shows nothing any more.", True)


async def silence_alerts(house: Household, wish: SilenceAlerts, who: Identity) -> Outcome:
    labels = {name: value or "" for name, value in wish.labels.items()}
    until_ms = house.clock.now_ms() + wish.minutes * 60_000
    try:
        made = house.alerts.silences.add(labels, until_ms, who.name, wish.comment)
    except ValueError as error:
        raise Refused(str(error)) from error
    kept = await _kept(house)
    return Outcome(f"Silenced for {wish.minutes} min; its id is {made.id}.{kept}", True)


async def end_silence(house: Household, wish: EndSilence, who: Identity) -> Outcome:
    if not house.alerts.silences.end(wish.silence):
        raise Refused(f"there is no silence {wish.silence}")
    kept = await _kept(house)
    return Outcome(f"Silence {wish.silence} is over.{kept}", True)


async def _kept(house: Household) -> str:
    """Have silences on the disk before it is said; what else there is to say."""
    try:
        await house.alerts.save()
    except OSError as error:
        return f" A restart forgets that: it cannot be stored ({error.strerror or error})."
    return ""


async def send_letter(house: Household, wish: SendLetter, who: Identity) -> Outcome:
    if house.send_letter is None:
        raise Refused("nobody gets letters: see report_email_to, report_slack_url in [dashboard]")
    tried = await house.send_letter()
    if tried is None:
        raise Refused("no site had visitors in the last week, or in the one before")
    return _told("ways", tried)


async def test_alerts(house: Household, wish: TestAlerts, who: Identity) -> Outcome:
    tried = await house.alerts.test(who.name)
    if not tried:
        raise Refused("no channel is set: see alert_webhook_url and its neighbours in [dashboard]")
    return _told("channels", tried)


def _told(what: str, tried: list[tuple[str, str]]) -> Outcome:
    """Which channels, or ways, took a message; the others with their trouble."""
    rows = tuple({what[:-1]: name, "outcome": trouble or "taken"} for name, trouble in tried)
    troubles = [f"{name}: {trouble}" for name, trouble in tried if trouble]
    if len(troubles) == len(tried):
        raise Refused(f"none of the {what} took it: {'; '.join(troubles)}")
    return Outcome(f"{len(tried) - len(troubles)} of {len(tried)} {what} took it.", False, rows)


COMMANDS: Final = (
    Command("put-user", "Add a user, or change one.", PutUser, put_user, "user"),
    Command("delete-user", "Delete a user.", DeleteUser, delete_user, "user", confirmed=True),
    Command("create-token", "Create an API token.", CreateToken, create_token, "token"),
    Command(
        "delete-token", "Delete an API token.", DeleteToken, delete_token, "token", confirmed=True
    ),
    Command("create-link", "Make a link that shows one site.", CreateLink, create_link, "link"),
    Command(
        "delete-link",
        "End a link that shows one site.",
        DeleteLink,
        delete_link,
        "link",
        confirmed=True,
    ),
    Command(
        "silence-alerts",
        "Tell nobody of some alerts for a while.",
        SilenceAlerts,
        silence_alerts,
        "labels",
        role=Role.EDITOR,
    ),
    Command("end-silence", "End a silence.", EndSilence, end_silence, "silence", role=Role.EDITOR),
    Command(
        "send-letter",
        "Send the letter about the last week now.",
        SendLetter,
        send_letter,
        "letter",
        role=Role.EDITOR,
    ),
    Command(
        "test-alerts",
        "Send a test message to every channel.",
        TestAlerts,
        test_alerts,
        "channel",
        role=Role.EDITOR,
    ),
)
