"""Sends messages: one bounded queue and one task for each channel, tried again with back-off.

A channel that hangs or refuses delays no other and no page. When more wait than the queue takes,
the oldest goes: news are worth more than what was so an hour ago.
"""

import asyncio
import logging
import smtplib
import ssl
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from email.message import EmailMessage
from email.utils import format_datetime, make_msgid
from typing import Final

import aiohttp

from dashboard.alerts import message
from dashboard.alerts.engine import Alert

log = logging.getLogger(__name__)

WAITING_MAX: Final = 100
ATTEMPTS: Final = 8
FIRST_PAUSE_S: Final = 1.0
PAUSE_MAX_S: Final = 60.0
SEND_TIMEOUT_S: Final = 10.0

Send = Callable[[Sequence[Alert]], Awaitable[None]]
Sleep = Callable[[float], Awaitable[None]]


class NotSent(Exception):
    """The channel did not take it; the message says why."""


FAILURES: Final = (NotSent, aiohttp.ClientError, TimeoutError, OSError)


@dataclass(frozen=True, slots=True)
class Mailbox:
    """How mail leaves."""

    host: str
    port: int
    security: str  # none, starttls, tls
    username: str
    password: str
    sender: str
    to: tuple[str, ...]


class Channel:
    """One way to tell people."""

    def __init__(self, name: str, send: Send, sleep: Sleep = asyncio.sleep) -> None:
        self.name = name
        self.send = send
        self.sent = self.failed = self.dropped = 0
        self.trouble = ""  # of the last try; empty when it was taken
        self._sleep = sleep
        self._waiting: asyncio.Queue[tuple[Alert, ...]] = asyncio.Queue(WAITING_MAX)

    def post(self, alerts: Sequence[Alert]) -> None:
        """Never waits."""
        if self._waiting.full():
            self._waiting.get_nowait()
            self.dropped += 1
        self._waiting.put_nowait(tuple(alerts))

    async def run(self) -> None:
        """Send until cancelled."""
        while True:
            alerts = await self._waiting.get()
            pause_s = FIRST_PAUSE_S
            for attempt in range(ATTEMPTS):
                if await self.attempt(alerts):
                    break
                if attempt < ATTEMPTS - 1:
                    await self._sleep(pause_s)
                    pause_s = min(PAUSE_MAX_S, pause_s * 2)
            else:
                self.failed += 1
                log.warning("alert not sent channel=%s reason=%s", self.name, self.trouble)

    async def attempt(self, alerts: Sequence[Alert]) -> bool:
        """One try; why it failed is in `trouble`."""
        try:
            async with asyncio.timeout(SEND_TIMEOUT_S):
                await self.send(alerts)
        except FAILURES as error:
            self.trouble = str(error) or type(error).__name__
            return False
        self.trouble = ""
        self.sent += 1
        return True


def hook(url: str, body: Callable[[Sequence[Alert], str], bytes], base_url: str) -> Send:
    """POSTs JSON; any answer from 200 to 299 is a receipt."""

    async def send(alerts: Sequence[Alert]) -> None:
        await post(url, body(alerts, base_url))

    return send


async def post(url: str, body: bytes) -> None:
    """Raises one of FAILURES."""
    timeout = aiohttp.ClientTimeout(total=SEND_TIMEOUT_S)
    headers = {"Content-Type": "application/json"}
    async with (
        aiohttp.ClientSession(timeout=timeout, auto_decompress=False) as session,
        session.post(url, data=body, headers=headers, allow_redirects=False) as answer,
    ):
        if not 200 <= answer.status < 300:
            raise NotSent(f"the hook answered {answer.status}")


def mail(box: Mailbox, base_url: str) -> Send:
    """By SMTP, in a thread."""

    async def send(alerts: Sequence[Alert]) -> None:
        made = message.mail(alerts, base_url, box.sender, box.to)
        await asyncio.to_thread(deliver, box, made)

    return send


def deliver(box: Mailbox, made: EmailMessage) -> None:
    """Blocks; raises one of FAILURES."""
    _postmark(box, made)
    try:
        with _connected(box) as server:
            if box.username:
                server.login(box.username, box.password)
            server.send_message(made)
    except smtplib.SMTPException as error:
        raise NotSent(f"the mail server refused: {error}") from error


def _postmark(box: Mailbox, made: EmailMessage) -> None:
    """What every mail has (RFC 5322), and that no person wrote it (RFC 3834)."""
    if "Date" not in made:  # a letter that is tried again has them
        made["Date"] = format_datetime(datetime.now(UTC))
        made["Message-ID"] = make_msgid("footfall", box.sender.rpartition("@")[2].rstrip("> "))
        made["Auto-Submitted"] = "auto-generated"


def _connected(box: Mailbox) -> smtplib.SMTP:
    context = ssl.create_default_context()
    if box.security == "tls":
        return smtplib.SMTP_SSL(box.host, box.port, timeout=SEND_TIMEOUT_S, context=context)
    server = smtplib.SMTP(box.host, box.port, timeout=SEND_TIMEOUT_S)
    if box.security == "starttls":
        server.starttls(context=context)
    return server
