"""What the broker reads of an X.509 certificate (RFC 5280) in DER: its subject, what else it is
called, and its end.

Whether it is to be trusted is not asked here.
"""

import datetime
import ipaddress
from collections.abc import Iterator

_VERSION, _EXTENSIONS = 0xA0, 0xA3
_ALTERNATIVE_NAMES = "2.5.29.17"
_KIND = 0x1F
"""The bits of a tag that number the kinds of names."""
_TEXTS, _ADDRESS = (1, 2, 6), 7
"""Mail addresses, DNS names and URIs are ASCII; of a kind that is neither the bytes are told."""
_UTC_TIME = 0x17
"""With two digits of the year; GeneralizedTime has four."""
_KEYWORDS = {
    "2.5.4.3": "CN", "2.5.4.6": "C", "2.5.4.7": "L", "2.5.4.8": "ST", "2.5.4.10": "O",
    "2.5.4.11": "OU", "2.5.4.9": "STREET", "0.9.2342.19200300.100.1.25": "DC",
    "0.9.2342.19200300.100.1.1": "UID",
}  # fmt: skip
"""The names of RFC 2253; any other attribute is told by its number."""
_TEXT = {
    0x0C: "utf-8",
    0x13: "ascii",
    0x14: "latin-1",
    0x16: "ascii",
    0x1E: "utf-16-be",
    0x1C: "utf-32-be",
}
_ESCAPED = frozenset(',=+<>#;"\\')
_VALIDITY, _SUBJECT = 3, 4  # after serial number, algorithm and issuer


def distinguished_name(certificate: bytes) -> str:
    """The subject of an X.509 certificate (DER) in RFC 2253 form, as Java's `getName` writes it."""
    try:
        subject = _fields(certificate)[_SUBJECT][1]
        parts = ["+".join(map(_attribute, elements(one))) for _, one in elements(subject)]
    except (IndexError, ValueError, UnicodeDecodeError) as error:
        raise ValueError("the certificate cannot be read") from error
    return ",".join(reversed(parts))


def alternative_names(certificate: bytes) -> frozenset[tuple[int, str]]:
    """(kind, name) of the subject's other names, as Java tells them; ValueError: unreadable."""
    try:
        for oid, value in _extensions(certificate):
            if oid == _ALTERNATIVE_NAMES:
                (_, names), *_ = elements(value)
                return frozenset(map(_other_name, elements(names)))
    except (IndexError, ValueError) as error:
        raise ValueError("the certificate cannot be read") from error
    return frozenset()


def valid_until_s(certificate: bytes) -> float:
    """The last moment of an X.509 certificate (DER), seconds since 1970; ValueError: unreadable."""
    try:
        _, (tag, value) = elements(_fields(certificate)[_VALIDITY][1])
        text = value.decode("ascii")
        if tag == _UTC_TIME:
            text = ("19" if int(text[:2]) >= 50 else "20") + text
        moment = datetime.datetime.strptime(text, "%Y%m%d%H%M%SZ")
    except (IndexError, ValueError) as error:
        raise ValueError("the certificate cannot be read") from error
    return moment.replace(tzinfo=datetime.UTC).timestamp()


def _extensions(certificate: bytes) -> Iterator[tuple[str, bytes]]:
    """(object id, value) of each."""
    for tag, content in _fields(certificate):
        if tag == _EXTENSIONS:
            (_, extensions), *_ = elements(content)
            for _, extension in elements(extensions):
                (_, oid), *_, (_, value) = elements(extension)
                yield _dotted(oid), value


def _fields(certificate: bytes) -> list[tuple[int, bytes]]:
    """Of the signed part, without the version, which is optional."""
    (_, body), *_ = elements(certificate)
    (_, signed), *_ = elements(body)
    return [one for one in elements(signed) if one[0] != _VERSION]


def _other_name(element: tuple[int, bytes]) -> tuple[int, str]:
    kind, name = element[0] & _KIND, element[1]
    if kind == _ADDRESS:
        return kind, str(ipaddress.ip_address(name))
    return kind, name.decode("ascii") if kind in _TEXTS else name.hex()


def _attribute(element: tuple[int, bytes]) -> str:
    _, content = element
    (_, oid), (tag, value) = elements(content)
    number = _dotted(oid)
    keyword = _KEYWORDS.get(number)
    if keyword is None or tag not in _TEXT:
        return f"{number}=#{_header(tag, len(value)).hex()}{value.hex()}"
    text = value.decode(_TEXT[tag])
    made = "".join(f"\\{one}" if one in _ESCAPED else one for one in text)
    if made.startswith(" "):
        made = "\\" + made
    if made.endswith(" ") and len(text) > 1:
        made = made[:-1] + "\\ "
    return f"{keyword}={made}"


def elements(data: bytes) -> list[tuple[int, bytes]]:
    """(tag, content) of the DER elements that stand in a row in `data`."""
    found, position = [], 0
    while position < len(data):
        tag, size = data[position], data[position + 1]
        position += 2
        if size & 0x80:
            count = size & 0x7F
            size = int.from_bytes(data[position : position + count], "big")
            position += count
        if position + size > len(data):
            raise ValueError("an element ends after its container")
        found.append((tag, data[position : position + size]))
        position += size
    return found


def _header(tag: int, size: int) -> bytes:
    if size < 0x80:
        return bytes((tag, size))
    length = size.to_bytes((size.bit_length() + 7) // 8, "big")
    return bytes((tag, 0x80 | len(length))) + length


def _dotted(oid: bytes) -> str:
    numbers, value = [], 0
    for byte in oid:
        value = value << 7 | byte & 0x7F
        if not byte & 0x80:
            numbers.append(value)
            value = 0
    first = min(numbers[0] // 40, 2)
    return ".".join(map(str, [first, numbers[0] - 40 * first, *numbers[1:]]))
