"""What is sent: Alertmanager's webhook JSON (version 4), a line for chats, a mail. Pure."""

import json
from collections.abc import Sequence
from datetime import UTC, datetime
from email.message import EmailMessage
from typing import Any, Final

from dashboard.alerts.engine import Alert

NEVER: Final = "0001-01-01T00:00:00Z"  # Alertmanager's word for "not over yet"
LINES_MAX: Final = 30


def webhook(alerts: Sequence[Alert], base_url: str) -> bytes:
    """Firing while any of them fires."""
    shown = [_alert(alert, base_url) for alert in alerts]
    common = dict(shown[0]["labels"].items()) if shown else {}
    for alert in shown[1:]:
        common = {key: value for key, value in common.items() if alert["labels"].get(key) == value}
    body = {
        "version": "4",
        "groupKey": "{}:{}",
        "truncatedAlerts": 0,
        "status": "firing" if any(alert.firing for alert in alerts) else "resolved",
        "receiver": "footfall",
        "groupLabels": {},
        "commonLabels": common,
        "commonAnnotations": {},
        "externalURL": base_url,
        "alerts": shown,
    }
    return json.dumps(body, separators=(",", ":")).encode()


def chat(alerts: Sequence[Alert], base_url: str) -> bytes:
    """Slack's incoming webhook; Mattermost, Rocket.Chat and Discord's /slack take it as well."""
    lines = []
    for alert in alerts[:LINES_MAX]:
        sign = (
            ":white_check_mark: over" if not alert.firing else f":rotating_light: {alert.severity}"
        )
        lines.append(f"{sign} *{_chat_safe(alert.name)}* {_chat_safe(alert.summary)}")
    if len(alerts) > LINES_MAX:
        lines.append(f"and {len(alerts) - LINES_MAX} more")
    lines.append(f"<{base_url}/alerts|All alerts>")
    return json.dumps({"text": "\n".join(lines)}).encode()


def mail(alerts: Sequence[Alert], base_url: str, sender: str, to: Sequence[str]) -> EmailMessage:
    """Plain text; names of topics and groups cannot add a header."""
    firing = [alert for alert in alerts if alert.firing]
    first = (firing or list(alerts))[0]
    more = f" and {len(alerts) - 1} more" if len(alerts) > 1 else ""
    subject = f"[{'FIRING' if firing else 'OVER'}] {first.name}: {first.summary}{more}"
    message = EmailMessage()
    message["Subject"] = " ".join("".join(c if c.isprintable() else " " for c in subject).split())
    message["From"] = sender
    message["To"] = ", ".join(to)
    parts = []
    for alert in alerts[:LINES_MAX]:
        state = "firing" if alert.firing else "over"
        labels = ", ".join(f"{key}={value}" for key, value in sorted(alert.labels.items()))
        parts.append(
            f"{alert.name} ({alert.severity}, {state})\n{alert.summary}\n{labels}\n"
            f"since {_moment(alert.since_ms)}\nwhat to do: {alert.runbook}\n"
        )
    parts.append(f"{base_url}/alerts\n")
    message.set_content("\n".join(parts).encode("utf-8", "replace").decode())
    return message


def _alert(alert: Alert, base_url: str) -> dict[str, Any]:
    return {
        "status": "firing" if alert.firing else "resolved",
        "labels": alert.all_labels,
        "annotations": {"summary": alert.summary, "runbook": alert.runbook},
        "startsAt": _moment(alert.since_ms),
        "endsAt": NEVER if alert.ended_at_ms is None else _moment(alert.ended_at_ms),
        "generatorURL": f"{base_url}/alerts",
        "fingerprint": alert.fingerprint,
    }


def _moment(at_ms: int) -> str:
    text = datetime.fromtimestamp(at_ms / 1000, UTC).isoformat(timespec="milliseconds")
    return text.replace("+00:00", "Z")


def _chat_safe(text: str) -> str:
    """Slack's three control letters; line breaks would fake further lines."""
    plain = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return " ".join(plain.replace("*", "").split())
