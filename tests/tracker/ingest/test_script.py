"""How the beacon script is served."""

import gzip

import cramjam
import pytest
from aiohttp.test_utils import make_mocked_request

from tracker.ingest import script

BEACON_GZIP_BYTES_MAX = 2_560  # 2.5 KiB
VITALS_GZIP_BYTES_MAX = 4_000
BEACON = script.load_beacon("/api/event", "/js/v.js")


def get(**headers: str) -> tuple[int, dict[str, str], bytes]:
    request = make_mocked_request(
        "GET", "/js/s.js", headers={name.replace("_", "-"): v for name, v in headers.items()}
    )
    answer = script.answer(BEACON, request)
    body = answer.body if isinstance(answer.body, bytes) else b""
    return answer.status, dict(answer.headers), body


def test_the_scripts_fit_into_their_promise() -> None:
    assert len(BEACON.gzip) <= BEACON_GZIP_BYTES_MAX
    assert len(script.load_vitals().gzip) < VITALS_GZIP_BYTES_MAX


@pytest.mark.parametrize("loaded", [BEACON, script.load_vitals()], ids=["beacon", "vitals"])
def test_each_encoding_holds_the_same_script(loaded: script.Script) -> None:
    assert gzip.decompress(loaded.gzip) == loaded.plain
    assert bytes(cramjam.brotli.decompress(loaded.brotli)) == loaded.plain


@pytest.mark.parametrize(
    ("accepted", "encoding"),
    [("gzip, deflate", "gzip"), ("gzip, br", "br"), ("", None), ("identity", None)],
)
def test_the_browser_gets_an_encoding_that_it_asked_for(accepted: str, encoding: str) -> None:
    _, headers, _ = get(Accept_Encoding=accepted)

    assert headers.get("Content-Encoding") == encoding
    assert headers["Vary"] == "Accept-Encoding"


def test_a_browser_that_has_the_script_is_not_sent_it_again() -> None:
    _, headers, _ = get()

    status, again, body = get(If_None_Match=headers["ETag"])

    assert (status, body) == (304, b"")
    assert "max-age" in again["Cache-Control"]


def test_an_older_script_is_replaced() -> None:
    status, _, body = get(If_None_Match='"0123456789abcdef"')

    assert status == 200
    assert body


def test_the_beacon_uses_the_paths_that_are_set() -> None:
    moved = script.load_beacon("/x/y", "/x/z.js").plain

    assert b"/x/y" in moved
    assert b"/x/z.js" in moved
    assert b"/api/event" not in moved
    assert b"/js/v.js" not in moved
