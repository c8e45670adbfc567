"""Decoders under coverage-guided fuzzing: bytes in, a value or a refusal out, never anything else.

Each tells whether all of it was decoded.

coverage_guided.py runs one of them under atheris. What reached new code stands in corpus/, and
test_decoders.py feeds that, whole and damaged, to the same functions.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Final

from broker.coordinator.group.classic.consumer_protocol import decode_subscription
from broker.errors import KafkaError
from broker.handlers import HANDLERS
from broker.protocol.codec import decode, encode_bytes
from broker.protocol.frame import FrameReader, decode_request_header, skip_header_tags
from broker.protocol.primitives import ProtocolError
from broker.protocol.schema import is_flexible
from broker.records.batch import assemble, fields_of, iterate
from broker.records.record import decode_records
from broker.records.validate import ProduceLimits, validate_produce

CORPUS: Final = Path(__file__).parent / "corpus"
FRAME_BYTES_MAX: Final = 1 << 16
NOW_MS: Final = 1_700_000_000_000
LIMITS: Final = ProduceLimits(keys_required=True)
REQUESTS: Final = {
    (int(handler.api_key), version): handler.request_type
    for handler in HANDLERS
    for version in range(handler.versions.min, handler.versions.max + 1)
}


def frames(data: bytes) -> bool:
    """What a socket receives: cut into frames, headers read, requests decoded and encoded again."""
    reader = FrameReader(FRAME_BYTES_MAX)
    try:
        half = len(data) // 2
        for frame in [*reader.feed(data[:half]), *reader.feed(data[half:])]:
            _request(frame)
    except ProtocolError:
        return False
    return True


def _request(frame: memoryview) -> None:
    header, body = decode_request_header(frame)
    request_type = REQUESTS.get((header.api_key, header.api_version))
    if request_type is None:
        return
    version = header.api_version
    if is_flexible(request_type, version):
        body = body[skip_header_tags(body) :]
    message = decode(request_type, version, body, leftover=True)
    once = encode_bytes(message, version)
    assert encode_bytes(decode(request_type, version, once), version) == once


def batches(data: bytes) -> bool:
    """What Produce carries; the CRC is made right, or nothing behind it would ever be reached."""
    view = memoryview(_with_right_crc(data))
    try:
        for position, header in iterate(view):
            decode_records(header, view[position : position + header.size_bytes])
    except KafkaError:
        pass
    try:
        stored = validate_produce(view, limits=LIMITS, now_ms=NOW_MS)
    except KafkaError:
        return False
    records = decode_records(stored.header, stored.batch)  # what is stored can be read
    assert len(records) == stored.header.record_count
    return True


def _with_right_crc(data: bytes) -> bytes:
    try:
        _, header = next(iterate(data))
    except (KafkaError, StopIteration):
        return data
    body = data[61 : header.size_bytes]
    try:
        return assemble(fields_of(header), body) + data[header.size_bytes :]
    except (OverflowError, ValueError):
        return data


def subscriptions(data: bytes) -> bool:
    """What members of classic groups say of themselves in JoinGroup."""
    return decode_subscription(data) is not None


TARGETS: Final[dict[str, Callable[[bytes], bool]]] = {
    "frames": frames,
    "batches": batches,
    "subscriptions": subscriptions,
}
