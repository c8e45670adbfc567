"""What the HTTP request tells about the visitor; lives while it is answered, is never stored."""

from dataclasses import dataclass


@dataclass(slots=True)
class Visit:
    """The sender of a batch. `client_ip` and `user_agent` must not reach a log or a topic."""

    client_ip: str
    user_agent: str
    received_at_ms: int
    accept_language: str = ""
    origin: str = ""
    country: str = ""  # told by a trusted proxy
    gpc: bool = False
    server_side: bool = False  # from /api/events, with a token
    sent_at_ms: int | None = None
