"""The header of a request as a client writes it; the broker only reads headers."""

import struct

from broker.protocol.frame import RequestHeader

_FIXED = struct.Struct(">hhih")  # api key, version, correlation id, bytes of the client id


def encode_request_header(header: RequestHeader, flexible: bool) -> bytes:
    """`flexible`: whether the version of the request is, so that tagged fields follow (none)."""
    client_id = b"" if header.client_id is None else header.client_id.encode()
    length = -1 if header.client_id is None else len(client_id)
    fixed = _FIXED.pack(header.api_key, header.api_version, header.correlation_id, length)
    return fixed + client_id + (b"\x00" if flexible else b"")
