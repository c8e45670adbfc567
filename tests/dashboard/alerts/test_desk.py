"""What is told, to whom, when again, and what survives a restart."""

import asyncio
import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from dashboard.alerts import message
from dashboard.alerts.courier import ATTEMPTS, WAITING_MAX, Channel, NotSent, hook
from dashboard.alerts.desk import SETTLE_MS, AlertDesk, Telling
from dashboard.alerts.engine import Alert
from dashboard.alerts.facts import Facts
from tests.support.made_dashboard import HOSTILE
from tests.support.manual_clock import ManualClock

HOUR_MS = 3_600_000


class Desk:
    """A desk whose only trouble is a role that is down when a test says so."""

    def __init__(self, path: Path | None = None, clock: ManualClock | None = None) -> None:
        self.clock = clock or ManualClock()
        self.down: list[str] = []
        self.facts = Facts(0)
        self.channel = Channel("test", self._take)
        self.desk = AlertDesk(self._look, self.clock, Telling((self.channel,), HOUR_MS), path)

    async def _take(self, alerts: Sequence[Alert]) -> None:
        raise NotSent("nobody listens")

    def _look(self) -> Facts:
        return replace(self.facts, now_ms=self.clock.now_ms(), roles_down=list(self.down))

    def pass_minutes(self, minutes: int) -> list[str]:
        """Names and states of everything that was told meanwhile."""
        told: list[str] = []
        for _ in range(minutes * 4):
            self.clock.advance(15_000)
            self.desk.evaluate()
            told += ["firing" if alert.firing else "over" for alert in self.desk.tell()]
        return told


def alert(summary: str = "s", name: str = "RoleDown", over: bool = False) -> Alert:
    ended = 1_700_000_060_000 if over else None
    labels = {"role": summary}
    return Alert(name, "critical", labels, summary, "r", 1.0, 1_700_000_000_000, 1, ended)


def test_an_alert_is_told_once_then_again_after_the_repeat_then_over() -> None:
    made = Desk()
    made.down = ["ingest"]

    first = made.pass_minutes(30)
    later = made.pass_minutes(60)
    made.down = []
    end = made.pass_minutes(5)

    assert (first, later, end) == (["firing"], ["firing"], ["over"])


def names(told: Sequence[Alert]) -> list[tuple[str, bool]]:
    return [(one.name, one.firing) for one in told]


def test_a_warning_is_quiet_while_the_critical_alert_of_the_same_thing_fires() -> None:
    made, other = Desk(), Desk()
    now_s = made.clock.now_ms() / 1000
    ends = {"TLS": now_s + 86_400 + 1_800, "LATER": now_s + 10 * 86_400}
    made.facts = Facts(0, certificates_end_s=ends)
    other.facts = Facts(0, certificates_end_s={"TLS": now_s})

    warned = made.pass_minutes(20)
    told = made.pass_minutes(15)
    shown = {(one.name, one.labels["listener"]) for one in made.desk.engine.firing()}
    counted = made.desk.counts()["warning", "firing"]
    made.facts = Facts(0, certificates_end_s={"LATER": ends["LATER"]})
    made.clock.advance(15_000)
    made.desk.evaluate()
    over = {(one.name, one.labels["listener"]) for one in made.desk.tell()}

    assert (warned, told) == (["firing", "firing"], ["firing"])
    assert shown == {("CertificateEnds", "TLS"), ("CertificateEndsSoon", "LATER")}
    assert counted == 1
    assert over == {("CertificateEnds", "TLS"), ("CertificateEndsSoon", "TLS")}
    assert other.pass_minutes(20) == ["firing"]  # the warning came second: it is never told


def test_a_warning_that_is_left_when_the_critical_alert_ends_is_told_again() -> None:
    made = Desk()
    now_s = made.clock.now_ms() / 1000
    made.facts = Facts(0, certificates_end_s={"TLS": now_s + 86_400 + 1_800})
    made.pass_minutes(40)
    made.facts = Facts(0, certificates_end_s={"TLS": now_s + 5 * 86_400})
    made.clock.advance(15_000)
    made.desk.evaluate()

    assert names(made.desk.tell()) == [("CertificateEndsSoon", True), ("CertificateEnds", False)]
    assert made.desk.tell() == []


def test_a_critical_alert_that_is_still_pending_keeps_no_warning_quiet() -> None:
    made = Desk()
    now_s = made.clock.now_ms() / 1000
    made.facts = Facts(0, certificates_end_s={"TLS": now_s + 86_400 + 600 + 30})

    warned = made.pass_minutes(11)  # it began to be critical half a minute ago
    pending = [one.name for one in made.desk.engine.pending()]

    assert (warned, pending) == (["firing"], ["CertificateEnds"])
    assert [one.name for one in made.desk.engine.firing()] == ["CertificateEndsSoon"]


def test_a_trouble_shorter_than_its_time_is_never_told() -> None:
    made = Desk()

    made.down = ["ingest"]
    short = made.pass_minutes(1)
    made.down = []
    after = made.pass_minutes(10)

    assert (short, after) == ([], [])
    assert list(made.desk.engine.history) == []


def test_a_silenced_alert_is_shown_but_told_only_when_the_silence_ends() -> None:
    made = Desk()
    made.down = ["ingest"]
    until_ms = made.clock.now_ms() + 10 * 60_000
    made.desk.silences.add({"alertname": "RoleDown", "role": "ingest"}, until_ms, "me", "")

    quiet = made.pass_minutes(9)
    shown = made.desk.engine.firing()
    loud = made.pass_minutes(5)

    assert (quiet, len(shown), loud) == ([], 1, ["firing"])


def test_the_end_of_an_alert_is_told_to_nobody_while_it_is_silenced() -> None:
    made = Desk()
    made.down = ["ingest"]
    told = made.pass_minutes(5)
    made.desk.silences.add({"role": "ingest"}, made.clock.now_ms() + HOUR_MS, "me", "")
    made.down = []

    assert (told, made.pass_minutes(5)) == (["firing"], [])


def test_a_silence_of_another_label_covers_nothing() -> None:
    made = Desk()
    made.down = ["ingest"]
    until_ms = made.clock.now_ms() + HOUR_MS
    made.desk.silences.add({"role": "export", "alertname": "RoleDown"}, until_ms, "me", "")

    assert made.pass_minutes(5) == ["firing"]
    with pytest.raises(ValueError, match="label"):
        made.desk.silences.add({}, 1, "me", "")


@pytest.mark.may_block
async def test_after_a_restart_nothing_is_told_twice_and_silences_hold(tmp_path: Path) -> None:
    path = tmp_path / "alerts.json"
    before = Desk(path)
    before.down = ["ingest", "export"]
    until_ms = before.clock.now_ms() + HOUR_MS
    before.desk.silences.add({"role": "export"}, until_ms, "me", "planned")
    told = before.pass_minutes(5)
    await before.desk.save()

    after = Desk(path, before.clock)
    after.down = ["ingest", "export"]
    again = after.pass_minutes(5)

    assert (told, again) == (["firing"], [])
    assert [one.comment for one in after.desk.silences.current(after.clock.now_ms())] == ["planned"]
    assert len(after.desk.engine.firing()) == 2


@pytest.mark.may_block
@pytest.mark.parametrize("text", ["", "{", "[]", '{"active": [{}]}', '{"active": 5}'])
def test_a_damaged_record_keeps_no_alert_from_being_told(tmp_path: Path, text: str) -> None:
    path = tmp_path / "alerts.json"
    path.write_text(text)

    made = Desk(path)
    made.down = ["ingest"]

    assert made.pass_minutes(5) == ["firing"]


def test_right_after_a_start_nothing_is_told() -> None:
    made = Desk()
    made.facts = Facts(0, events_in_time=0.0, events_in_all=0.0)
    made.desk.evaluate()
    made.facts = replace(made.facts, events_in_all=50.0)

    made.clock.advance(SETTLE_MS - 5_000)
    made.desk.evaluate()
    early = made.desk.tell()
    made.clock.advance(5_000)
    made.desk.evaluate()
    late = made.desk.tell()

    assert early == []
    assert [one.name for one in late] == ["E2ELatencyBudgetBurn"]


async def test_a_channel_tries_again_with_longer_pauses_and_then_gives_up() -> None:
    pauses: list[float] = []
    tries: list[int] = []
    given_up = asyncio.Event()

    async def send(alerts: Sequence[Alert]) -> None:
        tries.append(len(alerts))
        if len(tries) == ATTEMPTS:
            given_up.set()
        raise NotSent("no")

    async def sleep(seconds: float) -> None:
        pauses.append(seconds)

    channel = Channel("test", send, sleep)
    channel.post([alert()])
    async with asyncio.timeout(50), asyncio.TaskGroup() as tasks:
        running = tasks.create_task(channel.run())
        await given_up.wait()
        while not channel.failed:
            await asyncio.sleep(0)
        running.cancel()

    assert pauses == [1, 2, 4, 8, 16, 32, 60]
    assert (channel.sent, channel.failed, channel.trouble) == (0, 1, "no")


async def test_a_full_queue_loses_the_oldest_and_counts_it() -> None:
    sent: list[str] = []
    all_sent = asyncio.Event()

    async def send(alerts: Sequence[Alert]) -> None:
        sent.extend(one.summary for one in alerts)
        if len(sent) == WAITING_MAX:
            all_sent.set()

    channel = Channel("test", send)
    for number in range(WAITING_MAX + 3):
        channel.post([alert(str(number))])
    async with asyncio.timeout(50), asyncio.TaskGroup() as tasks:
        running = tasks.create_task(channel.run())
        await all_sent.wait()
        running.cancel()

    assert channel.dropped == 3
    assert sent == [str(number) for number in range(3, WAITING_MAX + 3)]


async def test_the_hook_gets_what_alertmanager_would_send() -> None:
    bodies: list[object] = []

    async def take(request: web.Request) -> web.Response:
        bodies.append(await request.json())
        return web.Response(status=(200, 500, 404, 302)[len(bodies) - 1])

    app = web.Application()
    app.router.add_post("/hook", take)
    async with TestServer(app) as server:
        send = hook(str(server.make_url("/hook")), message.webhook, "http://here")

        await send([alert("a"), alert("b", over=True)])
        for status in ("500", "404", "302"):
            with pytest.raises(NotSent, match=status):
                await send([alert()])

    body = bodies[0]
    assert isinstance(body, dict)
    assert (body["version"], body["status"]) == ("4", "firing")
    assert body["commonLabels"] == {"alertname": "RoleDown", "severity": "critical"}
    first, second = body["alerts"]
    assert first["labels"]["role"] == "a" and first["endsAt"] == message.NEVER
    assert first["startsAt"] == "2023-11-14T22:13:20.000Z"
    assert (second["status"], second["endsAt"]) == ("resolved", "2023-11-14T22:14:20.000Z")


@pytest.mark.parametrize("name", HOSTILE)
def test_no_name_can_add_a_header_to_mail_or_a_line_to_a_chat(name: str) -> None:
    made = message.mail([alert(name)], "http://here", "a@b", ("c@d",))
    text = json.loads(message.chat([alert(name)], "http://here"))["text"]

    head = made.as_bytes().partition(b"\n\n")[0].decode()
    assert {line.partition(":")[0] for line in head.split("\n") if line[:1].strip()} == {
        "Subject",
        "From",
        "To",
        "Content-Type",
        "Content-Transfer-Encoding",
        "MIME-Version",
    }
    assert text.count("\n") == 1
    assert "<script" not in text


@pytest.mark.may_block
async def test_what_fired_before_a_restart_goes_on_until_its_rule_can_be_asked(
    tmp_path: Path,
) -> None:
    """A restart ended every alert whose rule looks back, and began it anew ten minutes later."""
    before = Desk(tmp_path / "alerts.json")
    before.down = ["ingest"]
    before.pass_minutes(5)
    await before.desk.save()

    after = Desk(tmp_path / "alerts.json", before.clock)
    said = [one.summary for one in after.desk.engine.firing()]
    soon = after.pass_minutes(10)
    later = after.pass_minutes(2)

    assert said == ["The ingest role does not answer"]
    assert (soon, later) == ([], ["over"])
    assert len(after.desk.engine.history) == 1


@pytest.mark.may_block
async def test_what_fired_before_a_restart_and_was_found_since_ends_when_it_ends(
    tmp_path: Path,
) -> None:
    before = Desk(tmp_path / "alerts.json")
    before.down = ["ingest"]
    before.pass_minutes(5)
    await before.desk.save()
    after = Desk(tmp_path / "alerts.json", before.clock)
    after.down = ["ingest"]
    found = after.pass_minutes(2)

    after.down = []

    assert (found, after.pass_minutes(1)) == ([], ["over"])
