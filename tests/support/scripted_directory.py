"""A directory on loopback that answers as a test says, for answers that slapd would not give.

Messages are put together and taken apart by the declarations of RFC 4511 in ldap3.
"""

import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any, Final

from ldap3.operation.bind import bind_response_operation
from ldap3.protocol.rfc4511 import (
    LDAPDN,
    LDAPMessage,
    MessageID,
    PartialAttribute,
    PartialAttributeList,
    ProtocolOp,
    ResultCode,
    SearchResultDone,
    SearchResultEntry,
    Vals,
)
from pyasn1.codec.ber import decoder, encoder

from tests.support.listening import listening

Binds = Callable[[str, str], int]
"""Name and password: the code of the answer (RFC 4511 section 4.1.9)."""

Entry = tuple[str, dict[str, str]]
"""DN and attributes."""

FIRST_BYTES: Final = 2


@dataclass
class ScriptedDirectory:
    """`entries` are what any search finds; `asked` what was asked, in its order."""

    binds: Binds
    entries: list[Entry] = field(default_factory=list)
    search_code: int = 0
    words: str = ""  # beside each answer to a bind
    asked: list[tuple[str, ...]] = field(default_factory=list)
    port: int = 0

    def answers(self, message: Any) -> list[tuple[str, Any]]:
        request = message["protocolOp"]
        kind = request.getName()
        if kind == "bindRequest":
            name = str(request[kind]["name"])
            password = bytes(request[kind]["authentication"]["simple"]).decode()
            self.asked.append(("bind", name, password))
            return [
                (
                    "bindResponse",
                    bind_response_operation(
                        self.binds(name, password), diagnostic_message=self.words
                    ),
                )
            ]
        if kind == "searchRequest":
            self.asked.append(("search", str(request[kind]["baseObject"])))
            found = [("searchResEntry", _entry(*entry)) for entry in self.entries]
            return [*found, ("searchResDone", _done(self.search_code))]
        return []

    @property
    def kinds(self) -> list[str]:
        return [one[0] for one in self.asked]

    def serve(self, wire: socket.socket) -> None:
        with suppress(ConnectionError), wire, wire.makefile("rb") as stream:
            while first := stream.read(FIRST_BYTES):
                length = first[1]
                if length & 0x80:
                    more = stream.read(length & 0x7F)
                    first, length = first + more, int.from_bytes(more)
                message, _ = decoder.decode(first + stream.read(length), asn1Spec=LDAPMessage())
                for kind, answer in self.answers(message):
                    told = LDAPMessage()
                    told["messageID"] = MessageID(int(message["messageID"]))
                    told["protocolOp"] = ProtocolOp().setComponentByName(kind, answer)
                    wire.sendall(encoder.encode(told))


def _entry(dn: str, values: dict[str, str]) -> Any:
    attributes = PartialAttributeList()
    for at, (name, value) in enumerate(values.items()):
        one = PartialAttribute()
        one["type"] = name
        one["vals"] = Vals().setComponentByPosition(0, value)
        attributes[at] = one
    entry = SearchResultEntry()
    entry["object"] = LDAPDN(dn)
    entry["attributes"] = attributes
    return entry


def _done(code: int) -> Any:
    done = SearchResultDone()
    done["resultCode"] = ResultCode(code)
    done["matchedDN"] = done["diagnosticMessage"] = ""
    return done


@contextmanager
def running(directory: ScriptedDirectory) -> Iterator[ScriptedDirectory]:
    """One connection after the other, each until its client goes."""

    def serve(listener: socket.socket) -> None:
        while True:
            try:
                wire, _ = listener.accept()
            except OSError:
                return
            directory.serve(wire)

    with listening(serve) as port:
        directory.port = port
        yield directory
