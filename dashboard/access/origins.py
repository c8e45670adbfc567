"""Origins whose pages may show a link in a frame, as the header that allows it wants them."""

import re
from collections.abc import Sequence
from typing import Final

ORIGINS_MAX: Final = 10  # of one link
ORIGIN_CHARACTERS_MAX: Final = 260
_HOST: Final = r"[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*"
_ORIGIN: Final = re.compile(rf"https?://({_HOST}|\[[0-9a-f:.]+\])(:[0-9]{{1,5}})?")


class NotAnOrigin(ValueError):
    """What cannot be one; the message is for the person who typed it."""


def checked_origins(texts: Sequence[str]) -> tuple[str, ...]:
    """In lower case, each once. Raises NotAnOrigin: they go into a header as they are.

    A wildcard is refused: who may show the figures is to be named.
    """
    if len(texts) > ORIGINS_MAX:
        raise NotAnOrigin(f"a link takes at most {ORIGINS_MAX} origins, not {len(texts)}")
    found: dict[str, None] = {}
    for text in texts:
        lowered = text.strip().lower()
        if len(lowered) > ORIGIN_CHARACTERS_MAX or _ORIGIN.fullmatch(lowered) is None:
            shown = repr(text[:60])
            raise NotAnOrigin(
                f"{shown} is not an origin, which is written https://www.example.com, with its port"
                " if it has one, and without a path"
            )
        found[lowered] = None
    return tuple(found)
