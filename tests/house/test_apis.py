"""One API, one word in four places; the table in broker/README.md is the one that is served."""

import re

from broker.handlers import HANDLERS
from broker.protocol.api_keys import ApiKey
from tests.support.tools import ROOT

BROKER = ROOT / "broker"
TESTS = ROOT / "tests" / "broker"
NOT_AN_API = {"__init__", "handler"}
TABLE_LINE = re.compile(
    r"\| *`?(?P<name>\w+)`? *\| *(?P<key>\d+) *\| *(?P<low>\d+)-(?P<high>\d+) *\|"
)


def stems(folder: str, prefix: str = "") -> set[str]:
    return {
        path.stem.removeprefix(prefix)
        for path in (ROOT / folder).glob(f"{prefix}*.py")
        if path.stem not in NOT_AN_API
    }


def test_handlers_stand_in_the_table_by_api_key() -> None:
    keys = [int(handler.api_key) for handler in HANDLERS]

    assert keys == sorted(set(keys))


def test_every_handler_file_is_in_the_table() -> None:
    served = {handler.api_key.name.lower() for handler in HANDLERS}

    assert served == stems("broker/handlers")


def test_every_handler_has_its_message_file() -> None:
    assert stems("broker/handlers") - stems("broker/protocol/messages") == set()


def test_every_handler_has_its_test_file() -> None:
    missing = stems("broker/handlers") - stems("tests/broker/handlers", "test_")

    assert missing == set()


def test_the_readme_lists_what_is_served() -> None:
    text = (BROKER / "README.md").read_text()

    told = {
        (int(line["key"]), int(line["low"]), int(line["high"]))
        for line in TABLE_LINE.finditer(text)
    }

    served = {
        (int(handler.api_key), handler.versions.min, handler.versions.max) for handler in HANDLERS
    }
    assert told == served


def test_what_is_left_out_is_what_is_not_served() -> None:
    rows = re.findall(
        r"^\| (\w+) \| (\d+) \| \S", (ROOT / "docs/left-out.md").read_text(), re.MULTILINE
    )

    told = {(name, int(key)) for name, key in rows}

    served = {handler.api_key for handler in HANDLERS}
    assert told == {(key.name.lower(), int(key)) for key in ApiKey if key not in served}
