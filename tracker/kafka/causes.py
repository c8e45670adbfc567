"""Why a cluster does not answer: what librdkafka says of its connections, in words.

A question that fails says only "broker transport failure" or that its time is over. What went
wrong with the connection comes beside it, in the client's error callback, as
`ADDRESS/BROKER: WHAT (after 3ms in state CONNECT)`.
"""

import re
from typing import Final

_SAID: Final = re.compile(
    r"(?:\w+://)?(?P<at>\S+?)/[^/\s:]+: (?P<what>.*?)(?: \(after \d+ ?ms in state \w+.*\))?"
)
_WORDS: Final = (
    ("Connection refused", "no program listens at {at}"),
    ("Failed to resolve", "no address is known for {at}"),
    ("Invalid response size", "{at} does not speak Kafka's protocol"),
    ("SASL authentication error: ", "{at} refuses the log-in: {rest}"),
    ("SSL handshake failed: ", "no TLS with {at}: {rest}"),
    ("SASL ", "{at} refuses the log-in: SASL {rest}"),
)
"""What is in librdkafka's words, and ours; `rest` follows it there. The first that fits."""


def cause_of(said: str) -> str:
    """Half a sentence; empty for what tells no cause."""
    found = _SAID.fullmatch(said)
    if found is None:
        return ""
    for sign, words in _WORDS:
        _, is_there, rest = found["what"].partition(sign)
        if is_there:
            return words.format(at=found["at"], rest=rest)
    return ""


class Causes:
    """The last cause that was heard since an answer came.

    It knows nothing of who asks: with a reference back to the client, only Python's collector
    would free both, perhaps in a thread of librdkafka, and that ends the process.
    """

    def __init__(self) -> None:
        self._last = ""

    def hear(self, said: str) -> None:
        self._last = cause_of(said) or self._last

    def answered(self) -> None:
        self._last = ""

    def why(self, otherwise: str) -> str:
        """The cause, or what else is known."""
        return self._last or otherwise
