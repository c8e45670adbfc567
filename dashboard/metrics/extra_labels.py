"""Labels of the user's own on every series of the scrape, the same on all: place="berlin" ..."""

import re
from collections.abc import Mapping, Sequence
from typing import Final

from dashboard.metrics import families
from dashboard.metrics.exposition import escape

LABELS_MAX: Final = 10
VALUE_MAX: Final = 200  # letters
_NAME: Final = re.compile(r"[a-zA-Z_][a-zA-Z0-9_]*")
_OF_ROLES: Final = (
    *("api", "le", "listener", "networkProcessor", "protocol", "quantile", "quota", "reason"),
    *("request", "role", "sink", "stage", "client_id", "client_instance_id", "metric"),
    *("implementation", "major", "minor", "patchlevel"),
)
_OF_PROMETHEUS: Final = ("job", "instance")  # it sets them itself, and renames ours
TAKEN: Final = frozenset(
    {*_OF_ROLES, *_OF_PROMETHEUS, *(label for family in families.ALL for label in family.labels)}
)
_WITH_LABELS: Final = re.compile(r"^([a-zA-Z_:][a-zA-Z0-9_:]*)\{", re.MULTILINE)
_WITHOUT: Final = re.compile(r"^([a-zA-Z_:][a-zA-Z0-9_:]*) ", re.MULTILINE)


def extra_labels(settings: Sequence[str]) -> dict[str, str]:
    """`NAME=VALUE` settings as a mapping; raises ValueError on one that cannot be."""
    found: dict[str, str] = {}
    if len(settings) > LABELS_MAX:
        raise ValueError(f"metrics_extra_labels: {len(settings)} labels, more than {LABELS_MAX}")
    for text in settings:
        name, equals, value = text.partition("=")
        if not equals or not value or not _NAME.fullmatch(name):
            raise ValueError(
                f"metrics_extra_labels: {text!r} is not NAME=VALUE, NAME of letters, digits and _"
            )
        if name.startswith("__") or name in TAKEN:
            raise ValueError(
                f"metrics_extra_labels: {name!r} is a label that metrics have of themselves"
            )
        if name in found:
            raise ValueError(f"metrics_extra_labels: {name!r} is there twice")
        if len(value) > VALUE_MAX:
            raise ValueError(
                f"the value of {name!r} has {len(value)} letters, more than {VALUE_MAX}"
            )
        found[name] = value
    return found


def labelled(text: str, extra: Mapping[str, str]) -> str:
    """The page with these labels on each series; one that has such a label keeps its own."""
    if not extra:
        return text
    if any(f'{name}="' in text for name in extra):  # clients may push any label
        return "".join(_one(line, extra) for line in text.splitlines(keepends=True))
    return _all(text, extra)


def _one(line: str, extra: Mapping[str, str]) -> str:
    missing = {
        name: value
        for name, value in extra.items()
        if f'{{{name}="' not in line and f',{name}="' not in line
    }
    return _all(line, missing) if missing else line


def _all(text: str, extra: Mapping[str, str]) -> str:
    pairs = ",".join(f'{name}="{escape(value)}"' for name, value in extra.items())
    kept = pairs.replace("\\", r"\\")  # a backslash means something in what is put in place
    text = _WITH_LABELS.sub(rf"\1{{{kept},", text)
    return _WITHOUT.sub(rf"\1{{{kept}}} ", text)
