"""Fetches the public keys of a token issuer (JWKS): at the start, now and then, when one is missed.

Without keys nobody could log in, so a broker that cannot fetch them does not start, as in Kafka;
later it goes on with those it has, and tries every minute. Certificates are checked
against the authorities of the system (`SSL_CERT_FILE` names others).
"""

import asyncio
import logging
from http import HTTPStatus

from aiohttp import ClientError, ClientSession, ClientTimeout

from broker.config import BrokerConfig
from broker.security.key_ring import KeyRing
from footfall.settings import SettingsError

log = logging.getLogger(__name__)

ANSWER_BYTES_MAX = 1 << 20
ANSWER_TIMEOUT_S = 10.0
AFTER_FAILURE_S = 60.0  # or the interval of refreshes, if that is shorter


class KeysNotFetched(Exception):
    """The keys could not be had; the message tells why."""


class KeyFetching:
    def __init__(self, config: BrokerConfig, ring: KeyRing) -> None:
        self._url = config.sasl_oauthbearer_jwks_endpoint_url
        self._refresh_s = config.sasl_oauthbearer_jwks_endpoint_refresh_ms / 1000
        self._backoff_s = config.sasl_oauthbearer_jwks_endpoint_retry_backoff_ms / 1000
        self._patience_s = config.sasl_oauthbearer_jwks_endpoint_retry_backoff_max_ms / 1000
        self._ring = ring
        self._failures = 0
        self._missed = asyncio.Event()
        ring.on_missed = self._missed.set

    def failures_in_a_row(self) -> int:
        """Refreshes that brought no keys, since one that did."""
        return self._failures

    async def start(self) -> None:
        """Fetch the first keys; SettingsError when there are none to be had."""
        try:
            await self._refresh()
        except KeysNotFetched as error:
            raise SettingsError(
                f"sasl_oauthbearer_jwks_endpoint_url = {self._url!r} in [broker]: {error}"
            ) from error

    async def run(self) -> None:
        """Keep the keys fresh, until cancelled."""
        while True:
            try:
                async with asyncio.timeout(self._pause_s()):
                    await self._missed.wait()
            except TimeoutError:
                pass
            self._missed.clear()
            try:
                await self._refresh()
            except KeysNotFetched as error:
                if not self._failures:  # the metric tells how it goes on
                    log.warning("keys of tokens stay as they are url=%s: %s", self._url, error)
                self._failures += 1
            else:
                if self._failures:
                    log.info("keys of tokens are fetched again url=%s", self._url)
                self._failures = 0

    def _pause_s(self) -> float:
        return min(self._refresh_s, AFTER_FAILURE_S) if self._failures else self._refresh_s

    async def _refresh(self) -> None:
        """Fetch, again and again at growing distances until patience ends."""
        loop = asyncio.get_running_loop()
        give_up_s, pause_s = loop.time() + self._patience_s, self._backoff_s
        while True:
            try:
                text = await self._fetch()
                break
            except (ClientError, OSError, TimeoutError) as error:
                if loop.time() + pause_s > give_up_s:
                    raise KeysNotFetched(str(error) or "no answer in time") from error
            await asyncio.sleep(pause_s)
            pause_s *= 2
        self._take(text)

    async def _fetch(self) -> bytes:
        timeout = ClientTimeout(total=ANSWER_TIMEOUT_S)
        async with (
            ClientSession(timeout=timeout) as session,
            session.get(self._url, allow_redirects=False) as answer,
        ):
            answer.raise_for_status()
            if answer.status != HTTPStatus.OK:  # a redirect could lead from https to anybody's http
                raise ClientError(f"it answers {answer.status} and no keys: name where they are")
            body = bytearray()
            async for chunk in answer.content.iter_any():
                body += chunk
                if len(body) > ANSWER_BYTES_MAX:
                    raise ClientError(f"an answer of more than {ANSWER_BYTES_MAX} bytes")
            return bytes(body)

    def _take(self, text: bytes) -> None:
        from broker.security.jwks import usable_keys_of  # 60 ms and 10 MB that only this needs

        try:
            keys = usable_keys_of(text.decode())
        except ValueError as error:
            raise KeysNotFetched(f"what it answers is no key set: {error}") from error
        if not keys:
            raise KeysNotFetched("it has no key that can be used")
        self._ring.keys = keys
