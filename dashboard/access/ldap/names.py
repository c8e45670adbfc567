"""What people type, made safe for filters and DNs.

Both languages let any octet be written as a backslash and two hexadecimal digits (RFC 4515 section
3, RFC 4514 section 2.4), so everything but letters and digits of ASCII is: there is no list of
dangerous characters that could miss one.
"""

import re
from typing import Final

USERNAME: Final = "{username}"
DN: Final = "{dn}"
_PLAIN: Final = frozenset(b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789")
_PRINCIPAL: Final = re.compile(r"[\w.'-]+")


def escaped(text: str) -> str:
    """For a value in a filter, or of an attribute in a DN."""
    return "".join(chr(one) if one in _PLAIN else f"\\{one:02x}" for one in text.encode())


def filled(template: str, username: str, dn: str = "") -> str:
    """A filter or DN of the settings about somebody. Escaped values hold no braces."""
    return template.replace(USERNAME, escaped(username)).replace(DN, escaped(dn))


def is_principal(template: str) -> bool:
    """Whether a user_dn is no DN but a name such as {username}@example.com (Active Directory)."""
    return bool(template) and "=" not in template


def principal(template: str, username: str) -> str | None:
    """Such a name; None for a user name that cannot be part of one: nothing is escaped in it."""
    return template.replace(USERNAME, username) if _PRINCIPAL.fullmatch(username) else None
