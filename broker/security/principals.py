"""Who a client certificate stands for: its subject as Java writes it, then mapping rules.

Rules as in Kafka's `ssl.principal.mapping.rules` (KIP-371): `DEFAULT`, or
`RULE:pattern/replacement/` with `L` or `U` after it for lower or upper case, separated by commas.
The first pattern that matches the whole name counts; `$1` stands for its first group.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from broker.security.sasl import ANONYMOUS, USER_PREFIX

_PART = r"(?:\\.|[^/\\])*"
_NEXT_RULE = re.compile(
    rf"\s*(?:DEFAULT|RULE:(?P<pattern>{_PART})/(?P<replacement>{_PART})/(?P<case>[LU]?))\s*(?:,|$)"
)
_REFERENCE = re.compile(r"\\(.)|\$(\d)")

_SEQUENCE, _SET, _OID = 0x30, 0x31, 0x06
_VERSION = 0xA0
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


@dataclass(frozen=True, slots=True)
class Rule:
    """One mapping rule; without a pattern it is DEFAULT and gives the name as it is."""

    pattern: re.Pattern[str] | None = None
    replacement: str = ""
    case: str = ""

    def apply(self, name: str) -> str | None:
        """What the name becomes; None when the rule is not about it."""
        if self.pattern is None:
            return name
        match = self.pattern.fullmatch(name)
        if match is None:
            return None
        made = _REFERENCE.sub(lambda part: _expand(part, match), self.replacement)
        return {"L": made.lower(), "U": made.upper()}.get(self.case, made)


def rules_of(text: str) -> tuple[Rule, ...]:
    """The rules of a setting, empty: DEFAULT alone; ValueError names what is not a rule."""
    rules, position = [], 0
    while position < len(text.rstrip()):
        match = _NEXT_RULE.match(text, position)
        if match is None:
            raise ValueError(f"no rule at {text[position : position + 60]!r}")
        position = match.end()
        if match["pattern"] is None:
            rules.append(Rule())
            continue
        try:
            pattern = re.compile(match["pattern"])
        except re.error as error:
            raise ValueError(f"pattern {match['pattern']!r}: {error}") from error
        for reference in _REFERENCE.finditer(match["replacement"]):
            if reference[2] and int(reference[2]) > pattern.groups:
                raise ValueError(f"{reference[0]} is no group of {match['pattern']!r}")
        rules.append(Rule(pattern, match["replacement"], match["case"]))
    return tuple(rules) or (Rule(),)


def principal_of(certificate: bytes | None, rules: Sequence[Rule]) -> str:
    """The principal of a client with this certificate (DER), or with none.

    ValueError: no rule is about its name, or the certificate cannot be read.
    """
    if certificate is None:
        return ANONYMOUS
    name = distinguished_name(certificate)
    for rule in rules:
        made = rule.apply(name)
        if made is not None:
            return USER_PREFIX + made
    raise ValueError(f"no rule of ssl_principal_mapping_rules is about {name!r}")


def distinguished_name(certificate: bytes) -> str:
    """The subject of an X.509 certificate (DER) in RFC 2253 form, as Java's `getName` writes it."""
    try:
        (_, body), *_ = _elements(certificate)
        (_, signed), *_ = _elements(body)
        fields = [one for one in _elements(signed) if one[0] != _VERSION]
        subject = fields[4][1]  # serial, algorithm, issuer, validity, subject
        parts = ["+".join(map(_attribute, _elements(one))) for _, one in _elements(subject)]
    except (IndexError, ValueError, UnicodeDecodeError) as error:
        raise ValueError("the certificate cannot be read") from error
    return ",".join(reversed(parts))


def _expand(part: re.Match[str], match: re.Match[str]) -> str:
    return part[1] if part[1] is not None else match[int(part[2])] or ""


def _attribute(element: tuple[int, bytes]) -> str:
    _, content = element
    (_, oid), (tag, value) = _elements(content)
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


def _elements(data: bytes) -> list[tuple[int, bytes]]:
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
