"""Numbers as a person reads them: durations, counts, bytes. Always with their unit."""

import re
from datetime import UTC, datetime
from typing import Final
from urllib.parse import unquote

_MINUTE: Final = 60
_HOUR: Final = 3_600
_DAY: Final = 86_400
LINE_MAX: Final = 300
NAME_MAX: Final = 64  # of a topic or group in a sentence


def duration(seconds: float | None) -> str:
    """`3 min 12 s`, `2 d 4 h`, `850 ms`; an en dash when it is not known."""
    if seconds is None:
        return "–"  # noqa: RUF001 - the dash stands for "not known"
    if seconds < 0.01:
        return f"{seconds * 1000:.1f} ms" if seconds else "0 s"
    if seconds < 1:
        return f"{seconds * 1000:.0f} ms"
    if seconds < 10:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    for unit, name, below, lower in (
        (_DAY, "d", _HOUR, "h"),
        (_HOUR, "h", _MINUTE, "min"),
        (_MINUTE, "min", 1, "s"),
    ):
        if whole >= unit:
            rest = whole % unit // below
            return f"{whole // unit} {name}" + (f" {rest} {lower}" if rest else "")
    return f"{whole} s"


def count(number: float | None) -> str:
    """`42 118` with narrow spaces between thousands, at which no line breaks."""
    if number is None:
        return "–"  # noqa: RUF001
    return f"{number:,.0f}".replace(",", "\u202f")


def rate(per_second: float | None) -> str:
    """`412/s`, `0.3/s`."""
    if per_second is None:
        return "–"  # noqa: RUF001
    if per_second == 0:
        return "0/s"
    digits = 0 if abs(per_second) >= 100 else 1 if abs(per_second) >= 1 else 2
    return f"{per_second:,.{digits}f}/s".replace(",", "\u202f")


def size(number: float | None) -> str:
    """`1.2 GB`, powers of 1000."""
    if number is None:
        return "–"  # noqa: RUF001
    for unit in ("B", "kB", "MB", "GB", "TB"):
        if abs(number) < 1000 or unit == "TB":
            return f"{number:.0f} {unit}" if unit == "B" else f"{number:.1f} {unit}"
        number /= 1000
    raise AssertionError("unreachable")


def percent(share: float | None) -> str:
    """`4 %`, `0.3 %`, and `<0.1 %` of what would look like nothing."""
    if share is None:
        return "–"  # noqa: RUF001
    value = share * 100
    if 0 < value < 0.05:
        return "<0.1 %"
    return f"{value:.0f} %" if value >= 10 or value == 0 else f"{value:.1f} %"


def money(amount: float) -> str:
    """`1 234.50` of some currency; whole from 100 000 on."""
    digits = 0 if abs(amount) >= 99_999.995 else 2
    return f"{amount:,.{digits}f}".replace(",", "\u202f")


_NEVER: Final = 2**63 - 1


def setting(value: str, key: str) -> str:
    """`7 d` or `1 GiB` for a setting in milliseconds or bytes; empty where it says nothing more."""
    if not re.fullmatch(r"-?\d{1,19}", value):
        return ""
    number = int(value)
    if number == _NEVER:
        return "no limit"
    if not key.endswith((".ms", ".bytes")):
        return ""
    if number == -2:  # local.retention.*: what the topic keeps in all
        return "as " + key.removeprefix("local.")
    if number == -1:
        return "no limit"
    if key.endswith(".ms"):
        return duration(number / 1000) if number >= 1000 else ""
    return _binary(number) if number >= 1024 else ""


def _binary(number: int) -> str:
    """`1 GiB` where it comes out even, as settings mostly do; else as `size`."""
    for unit, name in ((2**40, "TiB"), (2**30, "GiB"), (2**20, "MiB"), (2**10, "KiB")):
        if number % unit == 0:
            return f"{number // unit} {name}"
    return size(number)


_NO_CONNECTION: Final = (
    *("transport failure", "brokers are down"),  # librdkafka
    *("NodeNotReadyError", "NoBrokersAvailable", "KafkaConnectionError"),  # kafka-python
)


def reason(error: str) -> str:
    """Why a cluster does not answer, in words; what librdkafka says is kept where it says more."""
    if any(words in error for words in _NO_CONNECTION):
        return "no connection to it"
    return "no answer in time" if "timed out" in error.lower() else error


def change(share: float) -> str:
    """`6 % more`, `12 % less`, `as much`; what is compared with follows."""
    if abs(share) < 0.005:
        return "not more"
    if share >= 9.995:
        return f"{share + 1:.0f} times as much"
    return f"{abs(share):.0%}".replace("%", " %") + (" more" if share > 0 else " less")


def signed(share: float) -> str:
    """`+6 %`, `−12 %`, `0 %`, for a column; ten times as much and above: `×12`."""  # noqa: RUF002
    if share >= 8.995:
        return f"×{share + 1:.0f}"  # noqa: RUF001
    rounded = round(share * 100)
    sign = "+" if rounded > 0 else "\u2212" if rounded < 0 else ""
    return f"{sign}{abs(rounded)} %"


def trend(per_second: float | None) -> str:
    """`+130/s` falls behind, `-2.0/s` catches up, `level`."""
    if per_second is None:
        return rate(None)
    if abs(per_second) < 0.05:
        return "level"
    return ("+" if per_second > 0 else "\u2212") + rate(abs(per_second))


def short(name: str) -> str:
    """A name for a sentence: at most 64 characters, the middle left out."""
    return name if len(name) <= NAME_MAX else f"{name[:40]}…{name[-20:]}"


def clock(at_ms: int | None) -> str:
    """`14:02:11 UTC`."""
    return _utc(at_ms, "%H:%M:%S UTC")


def since(at_ms: int, now_ms: int) -> str:
    """`since 14:02 UTC`, with the date once it is a day ago."""
    form = "%H:%M UTC" if now_ms - at_ms < _DAY * 1000 else "%Y-%m-%d %H:%M UTC"
    return f"since {_utc(at_ms, form)}"


def second(at_ms: int | None) -> str:
    """`2026-11-22 14:02:11`, for a column whose head says UTC."""
    return _utc(at_ms, "%Y-%m-%d %H:%M:%S")


def moment(at_ms: int | None) -> str:
    """`2026-11-22 14:02:11 UTC`."""
    return _utc(at_ms, "%Y-%m-%d %H:%M:%S UTC")


def stamp(at_ms: int | None) -> str:
    """`2026-11-22 14:02:11.042`, for a column whose head says UTC."""
    text = _utc(at_ms, "%Y-%m-%d %H:%M:%S.%f")
    return text[:-3] if at_ms is not None else text


def glued(sentence: str) -> str:
    """The sentence, with no line break between a number and its unit."""
    return re.sub(r"(?<=\d) (?=(?:ms|s|min|h|d|%|[kMGT]?B)(?!\w))", "\N{NO-BREAK SPACE}", sentence)


def oneline(value: str) -> str:
    """The first 300 characters with every run of white space as one space."""
    return " ".join(value[:LINE_MAX].split())


def _utc(at_ms: int | None, form: str) -> str:
    if at_ms is None:
        return "–"  # noqa: RUF001
    return datetime.fromtimestamp(at_ms / 1000, UTC).strftime(form)


def plural(number: int, word: str) -> str:
    """`1 partition`, `3 partitions`."""
    return f"{count(number)} {word}" + ("" if number == 1 else "s")


def readable(path: str) -> str:
    """The path of a page as its author wrote it: `/caf%C3%A9` is `/café`.

    Kept as it came where that would hide something: bytes that are no UTF-8, and letters that are
    not seen or turn others round.
    """
    if "%" not in path:
        return path
    try:
        found = unquote(path, errors="strict")
    except UnicodeDecodeError:
        return path
    return found if found.isprintable() and "%" not in found else path
