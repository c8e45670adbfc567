"""Who a client certificate stands for: its subject, then mapping rules.

Rules as in Kafka's `ssl.principal.mapping.rules` (KIP-371): `DEFAULT`, or
`RULE:pattern/replacement/` with `L` or `U` after it for lower or upper case, separated by commas.
The first pattern that matches the whole name counts; `$1` stands for its first group.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from broker.security.certificate import distinguished_name
from broker.security.sasl import ANONYMOUS, USER_PREFIX

_PART = r"(?:\\.|[^/\\])*"
_NEXT_RULE = re.compile(
    rf"\s*(?:DEFAULT|RULE:(?P<pattern>{_PART})/(?P<replacement>{_PART})/(?P<case>[LU]?))\s*(?:,|$)"
)
_REFERENCE = re.compile(r"\\(.)|\$(\d)")


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


def _expand(part: re.Match[str], match: re.Match[str]) -> str:
    return part[1] if part[1] is not None else match[int(part[2])] or ""
