"""Alerts by mail, taken by a real SMTP server: plain, STARTTLS, TLS, log-ins and refusals."""

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from email import message_from_bytes, policy
from email.message import EmailMessage
from email.utils import parsedate_to_datetime
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import trustme
from aiosmtpd.smtp import SMTP, AuthResult, LoginPassword

from dashboard.alerts.courier import Channel, Mailbox, mail
from dashboard.alerts.engine import Alert
from tests.dashboard.alerts.test_desk import alert

pytestmark = [
    pytest.mark.may_block,
    pytest.mark.filterwarnings("ignore::UserWarning"),  # aiosmtpd: a log-in without TLS is unwise
]

LOGIN, PASSWORD = "footfall", "mail secret"


@dataclass
class Office:
    """What arrived; `refuses` answers every recipient with it."""

    letters: list[EmailMessage] = field(default_factory=list)
    senders: list[tuple[str, list[str], str]] = field(default_factory=list)
    refuses: str = ""

    async def handle_RCPT(
        self, server: Any, session: Any, envelope: Any, address: str, options: list[str]
    ) -> str:
        if self.refuses:
            return self.refuses
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:
        made = message_from_bytes(envelope.content, policy=policy.default)
        self.letters.append(made)
        user = session.auth_data.login.decode() if session.auth_data else ""
        self.senders.append((envelope.mail_from, envelope.rcpt_tos, user))
        return "250 OK"


def authenticate(
    server: Any, session: Any, envelope: Any, mechanism: str, data: LoginPassword
) -> AuthResult:
    right = (data.login, data.password) == (LOGIN.encode(), PASSWORD.encode())
    return AuthResult(success=right, handled=right, auth_data=data)


@asynccontextmanager
async def open_office(
    office: Office, tls: ssl.SSLContext | None = None, **options: Any
) -> AsyncIterator[int]:
    """Its port. `tls`: from the first byte on; `tls_context` among the options: STARTTLS."""
    made = partial(SMTP, office, authenticator=authenticate, **options)
    server = await asyncio.get_running_loop().create_server(made, "127.0.0.1", 0, ssl=tls)
    async with server:
        yield server.sockets[0].getsockname()[1]


@pytest.fixture
def authority(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> trustme.CA:
    """Trusted as if it were the system's."""
    made = trustme.CA()
    made.cert_pem.write_to_path(tmp_path / "ca.pem")
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "ca.pem"))
    return made


@pytest.fixture
def context(authority: trustme.CA) -> ssl.SSLContext:
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(made)
    return made


BOX = Mailbox(
    "127.0.0.1", 0, "none", "", "", "footfall@example.com", ("ops@example.com", "b@example.com")
)


async def send(box: Mailbox, *alerts: Alert) -> Channel:
    channel = Channel("mail", mail(box, "https://stats.example.com"))
    async with asyncio.timeout(50):
        await channel.attempt(alerts or (alert("ingest does not answer"),))
    return channel


async def test_a_letter_arrives_with_its_subject_text_and_link() -> None:
    office = Office()
    async with open_office(office) as port:
        channel = await send(replace(BOX, port=port))

    assert (channel.sent, channel.trouble) == (1, "")
    (letter,), (envelope,) = office.letters, office.senders
    assert "RoleDown" in letter["Subject"]
    assert "ingest does not answer" in letter.get_content()
    assert "https://stats.example.com" in letter.get_content()
    assert envelope == ("footfall@example.com", ["ops@example.com", "b@example.com"], "")


async def test_a_letter_has_a_date_an_id_of_its_own_and_says_that_nobody_wrote_it() -> None:
    office = Office()
    async with open_office(office) as port:
        for _ in range(2):
            await send(replace(BOX, sender="Footfall <footfall@example.com>", port=port))

    first, second = office.letters
    assert parsedate_to_datetime(first["Date"]).tzinfo is not None
    assert first["Message-ID"].endswith("@example.com>")
    assert first["Message-ID"] != second["Message-ID"]
    assert first["Auto-Submitted"] == "auto-generated"


async def test_names_of_any_alphabet_arrive_whole() -> None:
    office = Office()
    async with open_office(office) as port:
        await send(replace(BOX, port=port), alert("Gruppe »übermäßig« 🐢 steht"))

    assert "Gruppe »übermäßig« 🐢 steht" in office.letters[0].get_content()


async def test_with_starttls_and_a_log_in(context: ssl.SSLContext) -> None:
    office = Office()
    box = replace(BOX, security="starttls", username=LOGIN, password=PASSWORD)
    async with open_office(office, tls_context=context, require_starttls=True) as port:
        channel = await send(replace(box, port=port))

    assert (channel.sent, channel.trouble) == (1, "")
    assert office.senders[0][2] == LOGIN


async def test_with_tls_from_the_first_byte_on(context: ssl.SSLContext) -> None:
    office = Office()
    async with open_office(office, context) as port:
        channel = await send(replace(BOX, security="tls", port=port))

    assert (channel.sent, channel.trouble) == (1, "")


async def test_a_server_without_starttls_gets_nothing() -> None:
    office = Office()
    box = replace(BOX, security="starttls", username=LOGIN, password=PASSWORD)
    async with open_office(office) as port:
        channel = await send(replace(box, port=port))

    assert (channel.sent, office.letters) == (0, [])
    assert "STARTTLS" in channel.trouble


async def test_a_certificate_that_nobody_vouches_for_gets_nothing(
    context: ssl.SSLContext, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    trustme.CA().cert_pem.write_to_path(tmp_path / "other.pem")
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "other.pem"))
    office = Office()
    async with open_office(office, tls_context=context) as port:
        channel = await send(replace(BOX, security="starttls", port=port))

    assert (channel.sent, office.letters) == (0, [])
    assert "certificate verify failed" in channel.trouble


async def test_a_wrong_password_is_told(context: ssl.SSLContext) -> None:
    office = Office()
    box = replace(BOX, security="starttls", username=LOGIN, password="wrong")
    async with open_office(office, tls_context=context) as port:
        channel = await send(replace(box, port=port))

    assert channel.sent == 0
    assert "the mail server refused" in channel.trouble


async def test_recipients_that_are_all_refused_are_told_and_tried_again() -> None:
    office = Office(refuses="550 no such user")
    async with open_office(office) as port:
        box = replace(BOX, port=port)
        channel = await send(box)
        office.refuses = ""
        again = await send(box)

    assert (channel.sent, again.sent) == (0, 1)
    assert "no such user" in channel.trouble


async def test_no_server_at_all_is_told() -> None:
    channel = await send(replace(BOX, port=1))

    assert channel.sent == 0
    assert "refused" in channel.trouble
