"""A look at every record of a batch that a client sends.

Header and CRC say only that the bytes are those which the producer sent. Whether they are records,
as many as the header says, numbered in order, and each as long as it says, is found out here: what
a consumer cannot read must not be stored. Layout in record.py; sizes take at most 5 bytes, as for
Java's readVarint.

This is the hot path of Produce (docs/adr/0036): most batches are read by the compiled parser of
aiokafka, which only ever says yes. A batch that it stumbles over is judged by the loop below.
"""

from aiokafka.record.default_records import DefaultRecordBatch

from broker.errors import ErrorCode, KafkaError

COMPILED_BYTES_MAX = 2 * 1024 * 1024  # of records: the parser makes objects of all it reads
_PADDING = bytes(32)  # it may look so far past the end, when a number is cut off there
_UNPADDED = slice(-len(_PADDING))
_BLANK_HEADER = bytes(57)  # of a batch, up to its record count: offsets and times count from 0
_ONE_RECORD = _BLANK_HEADER + b"\x00\x00\x00\x01"
_SIZE_BYTES_MAX = 5
_TIME_BYTES_MAX = 10
_ATTRIBUTES_MAX = 127


Buffer = bytes | bytearray | memoryview


def survey(body: Buffer, count: int, *, keys: bool) -> int | None:
    """Look at the `count` unpacked records of a batch; their latest timestamp.

    It is counted from the base timestamp. None: all are before it or, with `keys`, one has no key:
    they want to be looked at one by one. INVALID_RECORD: they are not sound.
    """
    if 0 < count <= len(body) <= COMPILED_BYTES_MAX:
        latest = _parsed(body, count, keys)
        if latest is not None:
            return latest
    try:
        return _walked(body, count, keys)
    except IndexError:
        raise _invalid(f"{count} records do not fit into {len(body)} bytes") from None


def _parsed(body: Buffer, count: int, keys: bool) -> int | None:
    """None: the parser does not like something, be it right or wrong."""
    header = _ONE_RECORD if count == 1 else _BLANK_HEADER + count.to_bytes(4, "big")
    padded = memoryview(b"".join((header, body, _PADDING)))
    latest = -1
    try:
        for number, record in enumerate(DefaultRecordBatch(padded[_UNPADDED])):
            if record.offset != number or (keys and record.key is None):
                return None
            if (time := record.timestamp) > latest:
                latest = time
    except Exception:  # noqa: BLE001 - whatever it says of a hostile batch, the loop knows
        return None
    return None if latest < 0 or (keys and _has_strange_attributes(body)) else latest


def _has_strange_attributes(body: Buffer) -> bool:
    """Whether a record has attributes above 127, which the parser takes for a longer number.

    Looked for where it matters to the broker itself: no cleaner could read such a record.
    """
    position, end = 0, len(body)
    while position < end:
        size, position = _number(body, position, _SIZE_BYTES_MAX)
        if body[position] > _ATTRIBUTES_MAX:
            return True
        position += size >> 1
    return False


def _walked(body: Buffer, count: int, keys: bool) -> int | None:
    """All numbers are zig-zag: twice the value, odd when it is negative."""
    position = latest = 0
    has_keys = True
    for number in range(0, count + count, 2):
        size, position = _number(body, position, _SIZE_BYTES_MAX)
        twice_end = position + position + size
        time, position = _number(body, position + 1, _TIME_BYTES_MAX)  # behind the attributes
        latest = max(latest, time)
        delta, position = _number(body, position, _SIZE_BYTES_MAX)
        if delta != number:
            raise _invalid(f"record {number >> 1} has another offset delta")
        size, position = _number(body, position, _SIZE_BYTES_MAX)
        has_keys = has_keys and not size & 1
        position += 0 if size & 1 else size >> 1
        size, position = _number(body, position, _SIZE_BYTES_MAX)
        position += 0 if size & 1 else size >> 1
        position = _behind_headers(body, position)
        if position + position != twice_end:
            raise _invalid(f"record {number >> 1} has another size than it says")
    if position != len(body):
        raise _invalid(f"{len(body) - position} bytes after {count} records")
    return latest >> 1 if has_keys >= keys and not latest & 1 else None


def _behind_headers(body: Buffer, position: int) -> int:
    """Where the headers end whose number stands at `position`."""
    count, position = _number(body, position, _SIZE_BYTES_MAX)
    if count & 1 or count >> 1 > len(body):
        raise _invalid("an impossible number of headers")
    for _ in range(count >> 1):
        size, position = _number(body, position, _SIZE_BYTES_MAX)
        if size & 1:
            raise _invalid("a header without a key")
        size, position = _number(body, position + (size >> 1), _SIZE_BYTES_MAX)
        position += 0 if size & 1 else size >> 1
    return position


def _number(body: Buffer, position: int, bytes_max: int) -> tuple[int, int]:
    """(zig-zag number, position after it) in at most so many bytes."""
    number = body[position]
    if number < 0x80:
        return number, position + 1
    number &= 0x7F
    for place in range(1, bytes_max):
        byte = body[position + place]
        number |= (byte & 0x7F) << 7 * place
        if byte < 0x80:
            return number, position + place + 1
    raise _invalid(f"a number of more than {bytes_max} bytes at {position}")


def _invalid(what: str) -> KafkaError:
    return KafkaError(ErrorCode.INVALID_RECORD, what)
