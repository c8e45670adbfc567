"""The value of Kafka's `sasl.jaas.config`: a login module, a flag, options; ended by a semicolon.

    org.apache.kafka.common.security.plain.PlainLoginModule required user_alice="secret";

Modules are Java classes; here they are names, those of Apache Kafka's own mechanisms. No message
has the value of an option.
"""

import re
from collections.abc import Mapping
from types import MappingProxyType

PACKAGE = "org.apache.kafka.common.security."
_FLAGS = frozenset(("REQUIRED", "REQUISITE", "SUFFICIENT", "OPTIONAL"))
_TOKEN = re.compile(
    r"""(?P<blank>\s+|//[^\n\r]*|/\*.*?\*/)"""
    r"""|(?P<quoted>"(?:[^"\\\n\r]|\\.)*"|'(?:[^'\\\n\r]|\\.)*')"""
    r"""|(?P<word>[A-Za-z_$\xa0-\U0010ffff][\w$.\xa0-\U0010ffff-]*)"""
    r"""|(?P<other>.)""",
    re.DOTALL,
)
_ESCAPE = re.compile(r"\\(?:([0-3]?[0-7]{1,2})|(.))", re.DOTALL)
_TEXT = "text"
Token = tuple[str, str]
"""What it is (a text, or the sign itself), and the text."""
_LETTERS = {"a": "\a", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v"}


def options_of(text: str, module: str) -> Mapping[str, str]:
    """The options of the one module in `text`, which must be `module`; ValueError if amiss."""
    tokens = _tokens(text)
    entries = []
    while tokens:
        entries.append(_entry(tokens))
    if not entries:
        raise ValueError("Login module not specified in JAAS config")
    if len(entries) > 1:
        raise ValueError(
            f"JAAS config property contains {len(entries)} login modules, should be 1 module"
        )
    ((named, options),) = entries
    if named != PACKAGE + module:
        raise ValueError(f"the login module of this mechanism is {PACKAGE}{module} alone")
    return MappingProxyType(options)


def _entry(tokens: list[Token]) -> tuple[str, dict[str, str]]:
    """Takes one entry away from the tokens, of which the last comes first."""
    _, module = tokens.pop()
    if not tokens:
        raise ValueError("Login module control flag not specified in JAAS config")
    if tokens.pop()[1].upper() not in _FLAGS:
        raise ValueError("Invalid login module control flag in JAAS config")
    options: dict[str, str] = {}
    while tokens:
        sign, key = tokens.pop()
        if sign == ";":
            return module, options
        signs = [tokens.pop() if tokens else ("", "") for _ in range(2)]
        (equals, _), (kind, value) = signs
        if (sign, equals, kind) != (_TEXT, "=", _TEXT):
            raise ValueError("Value not specified for a key in JAAS config")
        options[key] = value
    raise ValueError("JAAS config entry not terminated by semi-colon")


def _tokens(text: str) -> list[Token]:
    """Words and quoted texts, and signs that stand alone; the last one first."""
    found: list[Token] = []
    for token in _TOKEN.finditer(text):
        if token["quoted"] is not None:
            found.append((_TEXT, _ESCAPE.sub(_unescaped, token["quoted"][1:-1])))
        elif token["word"] is not None:
            found.append((_TEXT, token["word"]))
        elif token["other"] is not None:
            found.append((token["other"], ""))
    return found[::-1]


def _unescaped(escape: re.Match[str]) -> str:
    digits, letter = escape.groups()
    return chr(int(digits, 8)) if digits else _LETTERS.get(letter, letter)
