"""Bodies of answers over HTTP, whole and bounded."""

import aiohttp


async def whole_body(answer: aiohttp.ClientResponse, bytes_max: int) -> bytes:
    """All of it, in however many pieces it comes; ClientPayloadError above `bytes_max`."""
    body = bytearray()
    while piece := await answer.content.read(bytes_max + 1 - len(body)):
        body += piece
        if len(body) > bytes_max:
            raise aiohttp.ClientPayloadError(f"more than {bytes_max} bytes")
    return bytes(body)
