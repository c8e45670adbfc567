"""Keys of a token issuer over HTTP: at the start, when one is missed, while the issuer is ill."""

import asyncio
import base64
import json
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from prometheus_client import CollectorRegistry

from broker.config import BrokerConfig
from broker.metadata.image import ClusterImage
from broker.metrics import BrokerMetrics
from broker.security.mechanisms import SaslSources, build_mechanisms, load_sources
from broker.security.sasl import Authentication, State
from broker.security.security import build_security
from broker.server.key_fetching import ANSWER_BYTES_MAX, KeyFetching
from broker.server.listeners import Listeners
from footfall.settings import SettingsError
from tests.support.manual_clock import ManualClock
from tests.support.tokens import encoded, part

DEADLINE_S = 20
ODD_KEY = {"kty": "OKP", "crv": "Ed25519", "x": "AAAA", "kid": "odd"}


@dataclass
class Issuer:
    """Signs tokens, and tells its keys at an address."""

    keys: dict[str, ec.EllipticCurvePrivateKey] = field(default_factory=dict)
    answer: bytes | None = None
    """In place of the keys."""
    failures: int = 0
    """So many of the next questions are answered with an error."""
    moved_to: str = ""
    """Where it sends who asks."""
    asked: int = 0

    def renew(self, key_id: str) -> None:
        self.keys = {key_id: ec.generate_private_key(ec.SECP256R1())}

    async def tell(self, _request: web.Request) -> web.Response:
        self.asked += 1
        if self.failures:
            self.failures -= 1
            return web.Response(status=503)
        if self.moved_to:
            raise web.HTTPFound(self.moved_to)
        entries = [ODD_KEY, *(_entry(name, key) for name, key in self.keys.items())]
        body = self.answer if self.answer is not None else json.dumps({"keys": entries}).encode()
        return web.Response(body=body)

    def token(self, key_id: str, now_ms: int) -> bytes:
        """The first message of a client that logs in with a token signed by this key."""
        claims = {"sub": "ann", "iat": now_ms / 1000, "exp": now_ms / 1000 + 60}
        signed = f"{part({'alg': 'ES256', 'kid': key_id})}.{part(claims)}"
        pair = decode_dss_signature(self.keys[key_id].sign(signed.encode(), ec.ECDSA(_SHA)))
        signature = b"".join(one.to_bytes(32, "big") for one in pair)
        return f"n,,\x01auth=Bearer {signed}.{encoded(signature)}\x01\x01".encode()


_SHA = hashes.SHA256()


def _entry(name: str, key: ec.EllipticCurvePrivateKey) -> dict[str, str]:
    point = key.public_key().public_numbers()
    x, y = (base64.urlsafe_b64encode(n.to_bytes(32, "big")).decode() for n in (point.x, point.y))
    return {"kty": "EC", "crv": "P-256", "kid": name, "x": x, "y": y}


@dataclass
class Door:
    """What asks the issuer, and what logs in by its keys."""

    fetching: KeyFetching
    sources: SaslSources
    config: BrokerConfig
    clock: ManualClock = field(default_factory=ManualClock)

    def state_after(self, message: bytes) -> State:
        security = build_security(self.config, ClusterImage, self.clock)
        made = Authentication(build_mechanisms(self.config, self.sources, security, self.clock))
        made.choose("OAUTHBEARER", raw_tokens=False)
        made.respond(message)
        return made.state


@asynccontextmanager
async def door(issuer: Issuer, **settings: Any) -> AsyncIterator[Door]:
    app = web.Application()
    app.router.add_get("/keys", issuer.tell)
    async with TestServer(app) as server:
        config = BrokerConfig(
            sasl_enabled_mechanisms=("OAUTHBEARER",),
            sasl_oauthbearer_jwks_endpoint_url=str(server.make_url("/keys")),
            sasl_oauthbearer_jwks_endpoint_retry_backoff_ms=1,
            **{"sasl_oauthbearer_jwks_endpoint_retry_backoff_max_ms": 50, **settings},
        )
        sources = load_sources(config)
        assert sources.ring is not None
        yield Door(KeyFetching(config, sources.ring), sources, config)


@asynccontextmanager
async def kept_fresh(one: Door) -> AsyncIterator[None]:
    """Its keys are fetched again as they are meant to be, meanwhile."""
    async with asyncio.TaskGroup() as tasks, asyncio.timeout(DEADLINE_S):
        running = tasks.create_task(one.fetching.run())
        yield
        running.cancel()


async def test_a_token_signed_by_a_key_of_the_issuer_logs_in() -> None:
    """Its other key is of a kind that is not known here, and does no harm."""
    issuer = Issuer()
    issuer.renew("k1")
    async with door(issuer) as one:
        await one.fetching.start()

        state = one.state_after(issuer.token("k1", one.clock.now_ms()))

    assert state is State.AUTHENTICATED


async def test_a_key_that_is_missed_is_fetched_for_the_next_log_in() -> None:
    issuer = Issuer()
    issuer.renew("k1")
    async with door(issuer) as one:
        await one.fetching.start()
        issuer.renew("k2")
        async with kept_fresh(one):
            states = [one.state_after(issuer.token("k2", one.clock.now_ms()))]
            while states[-1] is not State.AUTHENTICATED:
                await asyncio.sleep(0.01)
                states.append(one.state_after(issuer.token("k2", one.clock.now_ms())))

    assert states[0] is State.EXCHANGING
    assert issuer.asked == 2


async def test_keys_are_fetched_again_after_their_time_and_stay_while_the_issuer_is_ill() -> None:
    issuer = Issuer()
    issuer.renew("k1")
    async with door(
        issuer,
        sasl_oauthbearer_jwks_endpoint_refresh_ms=5,
        sasl_oauthbearer_jwks_endpoint_retry_backoff_max_ms=1,
    ) as one:
        await one.fetching.start()
        issuer.answer = b"maintenance"
        async with kept_fresh(one):
            while issuer.asked < 4:
                await asyncio.sleep(0.01)

        state = one.state_after(issuer.token("k1", one.clock.now_ms()))

    assert state is State.AUTHENTICATED


async def test_keys_that_cannot_be_fetched_are_counted_and_told_once_until_they_can(
    caplog: pytest.LogCaptureFixture,
) -> None:
    issuer = Issuer()
    issuer.renew("k1")
    caplog.set_level(logging.INFO, "broker.server.key_fetching")
    async with door(
        issuer,
        sasl_oauthbearer_jwks_endpoint_refresh_ms=5,
        sasl_oauthbearer_jwks_endpoint_retry_backoff_max_ms=1,
    ) as one:
        await one.fetching.start()
        issuer.answer = b"maintenance"
        async with kept_fresh(one):
            while (counted := one.fetching.failures_in_a_row()) < 3:
                await asyncio.sleep(0.01)
            issuer.answer = None
            while one.fetching.failures_in_a_row():
                await asyncio.sleep(0.01)

    told = [message.partition(" url=")[0] for message in caplog.messages]
    assert counted >= 3
    assert told == ["keys of tokens stay as they are", "keys of tokens are fetched again"]


async def test_a_listener_has_a_metric_of_the_keys_it_could_not_fetch() -> None:
    issuer = Issuer()
    issuer.renew("k1")
    metrics = BrokerMetrics(CollectorRegistry())
    async with door(issuer, listeners=("SASL_PLAINTEXT://127.0.0.1:0",)) as one:
        await Listeners(one.config, metrics).prepare()

    series = 'footfall_kafka_token_keys_failed_refreshes{listener="SASL_PLAINTEXT"} 0.0'
    assert series in metrics.exposition().decode()


async def test_a_short_illness_of_the_issuer_does_not_hinder_the_start() -> None:
    issuer = Issuer(failures=2)
    issuer.renew("k1")
    async with door(issuer, sasl_oauthbearer_jwks_endpoint_retry_backoff_max_ms=60_000) as one:
        await one.fetching.start()

    assert issuer.asked == 3


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (b"<html>", "is no key set"),
        (b"[]", "is no key set"),
        (json.dumps({"keys": [ODD_KEY]}).encode(), "no key that can be used"),
        (b" " * (ANSWER_BYTES_MAX + 1), "more than"),
        (b"\xff", "is no key set"),
    ],
)
async def test_without_keys_the_broker_does_not_start(answer: bytes, words: str) -> None:
    async with door(Issuer(answer=answer)) as one:
        with pytest.raises(SettingsError, match=words):
            await one.fetching.start()


async def test_an_issuer_that_sends_elsewhere_is_not_followed() -> None:
    """It could lead from https to http, where anybody on the way can put in keys of his own."""
    elsewhere, issuer = Issuer(), Issuer()
    elsewhere.renew("k1")
    async with door(elsewhere) as there, door(issuer) as one:
        issuer.moved_to = there.config.sasl_oauthbearer_jwks_endpoint_url
        with pytest.raises(SettingsError, match="answers 302 and no keys"):
            await one.fetching.start()

    assert elsewhere.asked == 0


def test_an_address_that_is_not_of_the_web_is_refused() -> None:
    config = BrokerConfig(
        sasl_enabled_mechanisms=("OAUTHBEARER",),
        sasl_oauthbearer_jwks_endpoint_url="ldap://keys",
    )

    with pytest.raises(SettingsError, match="is no https:// address"):
        load_sources(config)


def test_an_address_with_a_password_in_it_is_refused_and_not_told() -> None:
    config = BrokerConfig(
        sasl_enabled_mechanisms=("OAUTHBEARER",),
        sasl_oauthbearer_jwks_endpoint_url="https://ann:sesame@issuer.example/keys",
    )

    with pytest.raises(SettingsError, match="has a name or a password in it") as told:
        load_sources(config)

    assert "sesame" not in str(told.value)
