"""A small OpenID Connect provider on loopback: authorize, token, keys, userinfo, sign-out.

It checks what a provider has to check (redirect_uri, PKCE, client secret, codes used once) and can
be told to misbehave: `claims` change what its tokens say, `signed_with` and `algorithm` who signs.
"""

import base64
import hashlib
import secrets
import time
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote, urlencode

from aiohttp import web
from aiohttp.test_utils import TestServer
from joserfc import jwt
from joserfc.jwk import ECKey, OctKey, OKPKey, RSAKey

CLIENT, SECRET = "footfall", "client secret: äöü"
PAGE = """<!doctype html><title>Provider</title><form method="post" action="/authorize?{query}">
<button name="user" value="alice">alice</button></form>"""

AnyKey = RSAKey | ECKey | OKPKey


@dataclass
class Provider:
    """Its state; `people` maps names to the claims that tell of them."""

    redirect_uri: str = ""
    people: dict[str, dict[str, Any]] = field(default_factory=dict)
    key: AnyKey = field(default_factory=lambda: RSAKey.generate_key(2048, {"kid": "1"}))
    signed_with: AnyKey | OctKey | None = None
    algorithm: str = "RS256"
    claims: dict[str, Any] = field(default_factory=dict)
    userinfo: dict[str, Any] = field(default_factory=dict)
    issuer: str = ""
    calls_itself: str = ""  # when its discovery document names another issuer
    signed_out: list[str] = field(default_factory=list)
    key_reads: int = 0
    padding: str = ""  # in its discovery document
    _codes: dict[str, dict[str, str]] = field(default_factory=dict)

    def server(self) -> TestServer:
        """Not yet started; `issuer` is set by `started`."""
        app = web.Application()
        app.router.add_get("/.well-known/openid-configuration", self._discovery)
        app.router.add_get("/authorize", self._ask)
        app.router.add_post("/authorize", self._authorize)
        app.router.add_post("/token", self._token)
        app.router.add_get("/keys", self._keys)
        app.router.add_get("/userinfo", self._userinfo)
        app.router.add_get("/end", self._end)
        return TestServer(app)

    async def _discovery(self, request: web.Request) -> web.Response:
        found = {
            "issuer": self.calls_itself or self.issuer,
            "authorization_endpoint": f"{self.issuer}/authorize",
            "token_endpoint": f"{self.issuer}/token",
            "jwks_uri": f"{self.issuer}/keys",
            "userinfo_endpoint": f"{self.issuer}/userinfo",
            "end_session_endpoint": f"{self.issuer}/end",
            "service_documentation": self.padding,
        }
        return web.json_response(found)

    async def _ask(self, request: web.Request) -> web.Response:
        query = request.query
        if query["client_id"] != CLIENT or query["redirect_uri"] != self.redirect_uri:
            return web.Response(status=400, text="this client is not known")
        page = PAGE.format(query=urlencode(dict(query)).replace("&", "&amp;"))
        return web.Response(text=page, content_type="text/html")

    async def _authorize(self, request: web.Request) -> web.Response:
        query, user = request.query, str((await request.post())["user"])
        answer = {"state": query["state"], "iss": self.issuer}
        if user not in self.people:
            answer |= {"error": "access_denied", "error_description": "not today"}
        else:
            answer["code"] = secrets.token_urlsafe(8)
            self._codes[answer["code"]] = {**query, "user": user}
        raise web.HTTPSeeOther(f"{query['redirect_uri']}?{urlencode(answer)}")

    async def _token(self, request: web.Request) -> web.Response:
        form = await request.post()
        begun = self._codes.pop(str(form.get("code")), None)
        digest = hashlib.sha256(str(form.get("code_verifier")).encode()).digest()
        challenge = base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
        basic = base64.b64decode(request.headers["Authorization"].removeprefix("Basic ")).decode()
        if tuple(map(unquote, basic.split(":"))) != (CLIENT, SECRET):
            return web.json_response({"error": "invalid_client"}, status=401)
        if begun is None or begun["code_challenge"] != challenge:
            return web.json_response({"error": "invalid_grant"}, status=400)
        if form.get("redirect_uri") != begun["redirect_uri"]:
            return web.json_response({"error": "invalid_grant"}, status=400)
        now = int(time.time())
        claims = {
            "iss": self.issuer,
            "aud": CLIENT,
            "sub": f"id-of-{begun['user']}",
            "iat": now,
            "exp": now + 300,
            "nonce": begun["nonce"],
            **self.people[begun["user"]],
            **self.claims,
        }
        header = {"alg": self.algorithm, "kid": self.key.kid}
        token = jwt.encode(header, claims, self.signed_with or self.key, [self.algorithm])
        return web.json_response(
            {"id_token": token, "access_token": begun["user"], "token_type": "Bearer"}
        )

    async def _keys(self, request: web.Request) -> web.Response:
        self.key_reads += 1
        return web.json_response({"keys": [self.key.as_dict(private=False)]})

    async def _userinfo(self, request: web.Request) -> web.Response:
        user = request.headers["Authorization"].removeprefix("Bearer ")
        return web.json_response({"sub": f"id-of-{user}", **self.userinfo})

    async def _end(self, request: web.Request) -> web.Response:
        self.signed_out.append(request.query["id_token_hint"])
        raise web.HTTPSeeOther(request.query["post_logout_redirect_uri"])
