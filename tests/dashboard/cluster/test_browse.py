"""Looking into a topic is bounded, filtered, and says what it did."""

import json
import re

import msgspec
import pytest

from dashboard.cluster import browse
from dashboard.cluster.browse import SCANNED_MAX, Desk, Found, search
from dashboard.cluster.decoded import decoded
from dashboard.cluster.fitting import Wish, fits
from dashboard.cluster.model import Partition, Topic
from dashboard.filters.expressions import Expressions
from tests.support.made_cluster import MadeCluster, MadePartition
from tracker.kafka.admin import ClusterUnavailable
from tracker.kafka.answers import Reading, Record
from tracker.topics import TopicPartition

PLACE = TopicPartition("events", 0)


def record(
    value: bytes | None, key: bytes | None = None, headers: tuple[tuple[str, bytes], ...] = ()
) -> Record:
    return Record("events", 0, 5, 1_000, True, key, value, headers)


def looked(cluster: MadeCluster, wish: Wish) -> Found:
    parts = tuple(
        Partition(place.topic, place.partition, 1, (1,), (1,), part.start, part.end, part.end)
        for place, part in cluster.partitions.items()
    )
    return search(Desk(cluster, cluster, Expressions()), Topic("events", parts), wish)


@pytest.fixture
def cluster() -> MadeCluster:
    made = MadeCluster()
    made.add_topic("events", MadePartition(end=100), MadePartition(end=40))
    return made


def test_without_a_wish_the_newest_are_shown_first(cluster: MadeCluster) -> None:
    found = looked(cluster, Wish(partition=0, rows=3))

    assert [row.record.offset for row in found.rows] == [99, 98, 97]
    assert found.stopped == "it reached the end"


def test_an_offset_is_read_forward(cluster: MadeCluster) -> None:
    found = looked(cluster, Wish(partition=0, offset=10, rows=2))

    assert [row.record.offset for row in found.rows] == [10, 11]


def test_a_time_is_looked_up_in_every_partition(cluster: MadeCluster) -> None:
    cluster.partitions[PLACE].stamps = {0: 1_000, 60: 9_000}

    found = looked(cluster, Wish(since_ms=5_000, rows=1))

    assert found.rows[0].record.offset == 60


def test_a_partition_that_does_not_tell_a_time_is_not_passed_over(cluster: MadeCluster) -> None:
    cluster.timeless.add(PLACE)

    with pytest.raises(
        ClusterUnavailable, match="events-0 does not report an offset for that time"
    ):
        looked(cluster, Wish(since_ms=0))


@pytest.mark.parametrize(
    ("wish", "why"),
    [
        (Wish(offset=1_000), "there is no record from offset 1000 on"),
        (Wish(partition=7), "there is no partition 7: they are 0 to 1"),
        (Wish(since_ms=10**15), "there is no record from that time on"),
    ],
)
def test_a_place_where_nothing_is_finds_nothing_and_says_so(
    cluster: MadeCluster, wish: Wish, why: str
) -> None:
    assert looked(cluster, wish) == Found((), 0, why)


def test_an_empty_topic_has_nothing_to_read(cluster: MadeCluster) -> None:
    for part in cluster.partitions.values():
        part.end = 0

    assert looked(cluster, Wish(offset=3)) == Found((), 0, "there is nothing to read")


def test_a_search_that_found_more_than_it_shows_did_not_reach_the_end(
    cluster: MadeCluster,
) -> None:
    found = looked(cluster, Wish(partition=0, offset=10, rows=2))
    exactly = looked(cluster, Wish(partition=0, offset=98, rows=2))

    assert (len(found.rows), found.stopped) == (2, "it found 2")
    assert (len(exactly.rows), exactly.stopped) == (2, "it reached the end")


def test_no_more_is_asked_for_than_there_is(cluster: MadeCluster) -> None:
    """A reader waits for as many records as it is asked for."""
    looked(cluster, Wish(partition=1))

    assert cluster.wanted == [40]


def test_a_search_that_finds_nothing_stops_at_its_limit(cluster: MadeCluster) -> None:
    cluster.partitions[PLACE].end = 1_000_000

    found = looked(cluster, Wish(partition=0, offset=0, text="nowhere"))

    assert found.rows == ()
    assert found.scanned == SCANNED_MAX
    assert found.stopped == f"it looked at {SCANNED_MAX} records"


class Mute(MadeCluster):
    """Its offsets are told, and of its records nothing comes."""

    trouble = ""

    def read(self, records_max: int, timeout_s: float) -> Reading:
        return Reading((), frozenset(), self.trouble)


@pytest.mark.parametrize(
    ("trouble", "said"),
    [
        ("", "no record came within 0 s"),
        ("Topic authorization failed", "no record came within 0 s (Topic authorization failed)"),
    ],
)
def test_records_that_do_not_come_are_not_called_none(
    monkeypatch: pytest.MonkeyPatch, trouble: str, said: str
) -> None:
    """A broker that hangs, or that lets nobody read: `no record matches` would be a guess."""
    monkeypatch.setattr(browse, "SECONDS_MAX", 0.01)
    mute = Mute()
    mute.add_topic("events", MadePartition(end=10))
    mute.trouble = trouble

    with pytest.raises(ClusterUnavailable, match=f"^{re.escape(said)}$"):
        looked(mute, Wish())


def test_text_is_found_in_key_value_and_headers_in_any_case() -> None:
    wish = Wish(text="Needle")

    assert fits(record(b"a NEEDLE here"), wish)
    assert fits(record(None, key=b"needle"), wish)
    assert fits(record(None, headers=(("x", b"needle"),)), wish)
    assert not fits(record(b"hay"), wish)


def test_a_field_of_json_is_compared_as_text() -> None:
    value = record(json.dumps({"props": {"plan": "pro", "seats": 3}}).encode())

    assert fits(value, Wish(field="props.plan", equals="pro"))
    assert fits(value, Wish(field="props.seats", equals="3"))
    assert fits(value, Wish(field="props"))
    assert not fits(value, Wish(field="props.none"))
    assert not fits(record(b"no json"), Wish(field="props"))
    assert not fits(record(b"[" * 100_000), Wish(field="props"))


@pytest.mark.parametrize(
    ("value", "kind", "text"),
    [
        (b'{"a":1}', "json", '{\n "a": 1\n}'),
        (b"plain", "text", "plain"),
        (b"{broken", "text", "{broken"),
        (b"\xff\x00", "hex", "ff 00"),
        (b"bell\x07", "hex", "62 65 6c 6c 07"),
        (b"", "empty", ""),
        (None, "null", None),
    ],
)
def test_values_are_decoded(value: bytes | None, kind: str, text: str | None) -> None:
    shown = decoded(record(value))

    assert (shown.kind, shown.value, shown.cut) == (kind, text, False)


def test_what_is_null_and_what_is_empty_are_told_apart_in_every_part() -> None:
    null = decoded(Record("t", 0, 0, 0, False, None, None, (("h", None),)))
    empty = decoded(Record("t", 0, 0, 0, False, b"", b"", (("h", b""),)))

    assert (null.key, null.key_kind, null.value, null.kind) == (None, "null", None, "null")
    assert (empty.key, empty.key_kind, empty.value, empty.kind) == ("", "empty", "", "empty")
    assert (null.headers, empty.headers) == ((("h", None),), (("h", ""),))


def test_long_values_are_cut() -> None:
    shown = decoded(record(b"x" * 1_000_000))

    assert shown.cut and shown.value is not None
    assert len(shown.value) < 3_000


@pytest.mark.parametrize(
    ("value", "shown", "kind"),
    [
        (msgspec.msgpack.encode({"site": "a", "n": [1]}), '{"site":"a","n":[1]}', "msgpack"),
        (bytes.fromhex("a261610161628202f5"), '{"a":1,"b":[2,true]}', "cbor"),
        (bytes.fromhex("d9d9f7a16161f97e00"), '{"a":NaN}', "cbor"),
        (bytes.fromhex("a1616101ff"), "a1 61 61 01 ff", "hex"),  # bytes are left
        (msgspec.msgpack.encode([1, "ü"]), '[1,"ü"]', "msgpack"),
        (msgspec.msgpack.encode({"a": 1}) + b"\x00", "81 a1 61 01 00", "hex"),  # bytes are left
        (b"\x81\xc4\x01a\x01", "81 c4 01 61 01", "hex"),  # a key of bytes is none in JSON
        (b"\x80\xff", "80 ff", "hex"),
        (b"\x91" * 100_000 + b"\x01", None, "hex"),
        (b"\xdd\xff\xff\xff\xff\x01", "dd ff ff ff ff 01", "hex"),  # claims four thousand million
    ],
)
def test_maps_and_lists_in_message_pack_are_json(
    value: bytes, shown: str | None, kind: str
) -> None:
    found = decoded(Record("t", 0, 0, 0, False, None, value, ()))

    assert found.kind == kind
    assert shown is None or "".join((found.value or "").split()) == "".join(shown.split())
