"""Sign-in at a provider: GET /login/oidc sends there, GET /login/oidc/return comes back."""

from typing import Final

from aiohttp import web

from dashboard.access.guard import COOKIE, SSO, SSO_RETURN, WHO, Guard
from dashboard.access.oidc import BEGUN_MS, OidcClient, ProviderAway, Refusal
from dashboard.access.sessions import Vouched
from dashboard.actions.audit import Audit, Entry
from dashboard.identity import Identity, Role
from dashboard.login import Login, local_path, signed_in

BROWSER_COOKIE: Final = "footfall_oidc"
SIGN_OUT: Final = "/api/v1/logout/oidc"


class SingleSignOn:
    """Its pages. What goes wrong is told on the sign-in page, where passwords work on."""

    def __init__(self, client: OidcClient, guard: Guard, audit: Audit, login: Login) -> None:
        self._client = client
        self._guard = guard
        self._audit = audit
        self._login = login

    def add_routes(self, app: web.Application) -> None:
        app.router.add_get(SSO, self._begin)
        app.router.add_get(SSO_RETURN, self._finish)
        app.router.add_get(SIGN_OUT, self._where_to_sign_out)

    async def _begin(self, request: web.Request) -> web.StreamResponse:
        after = local_path(request.query.get("next", "/"))
        try:
            url, browser = await self._client.begin(self._here(request) + SSO_RETURN, after)
        except Refusal as refusal:
            self._count(refusal)
            return self._login.refused(request, f"{refusal} Passwords work as before.", 502)
        answer = web.Response(status=303, headers={"Location": url, "Cache-Control": "no-store"})
        answer.set_cookie(
            BROWSER_COOKIE,
            browser,
            max_age=BEGUN_MS // 1000,
            path=SSO,
            httponly=True,
            samesite="Lax",
            secure=self._is_secure(),
        )
        return answer

    async def _finish(self, request: web.Request) -> web.StreamResponse:
        stranger = Identity("?", Role.VIEWER, self._guard.address(request))
        browser = request.cookies.get(BROWSER_COOKIE, "")
        if wait_s := self._client.returns.wait_s(stranger.host):
            said = f"Too many sign-ins went wrong. Try again in {wait_s} s."
            return self._login.refused(request, said, 429)
        self._client.returns.failed(stranger.host)  # until it went well
        try:
            person = await self._client.finish(request.query, browser)
        except ProviderAway as away:
            self._count(away)
            self._audit.note(Entry(stranger, "sign-in", "", "single sign-on", f"failed: {away}"))
            return self._login.refused(request, f"{away} Passwords work as before.", 502)
        except Refusal as refusal:
            self._count(refusal)
            self._audit.note(
                Entry(stranger, "sign-in", "", "single sign-on", f"refused: {refusal}")
            )
            return self._login.refused(request, str(refusal), 403)
        self._client.returns.succeeded(stranger.host)
        self._client.outcomes["done"] += 1
        lasts_ms = self._client.config.session_hours * 3_600_000
        sessions = self._guard.sessions
        sessions.end(request.cookies.get(COOKIE, ""))
        vouched = Vouched(person.name, person.role, lasts_ms, person.id_token, person.groups)
        key = sessions.start_for(vouched)
        who = Identity(vouched.name, person.role, stranger.host)
        self._audit.note(Entry(who, "sign-in", "", who.name, "done"))
        answer = signed_in(self._guard, key, person.after)
        answer.del_cookie(BROWSER_COOKIE, path=SSO)
        return answer

    async def _where_to_sign_out(self, request: web.Request) -> web.StreamResponse:
        """The provider's own sign-out page for this session, or ours; asked before signing out."""
        session = self._guard.sessions.peek(request.cookies.get(COOKIE, ""))
        url = None
        if session is not None and session.id_token and request[WHO].name.startswith("sso:"):
            back = self._here(request) + "/login"
            url = await self._client.sign_out_url(session.id_token, back)
        return web.json_response({"url": url or "/login"})

    def _count(self, refusal: Refusal) -> None:
        self._client.outcomes["away" if isinstance(refusal, ProviderAway) else "refused"] += 1

    def _here(self, request: web.Request) -> str:
        return self._guard.door.public_url.rstrip("/") or f"{request.scheme}://{request.host}"

    def _is_secure(self) -> bool:
        return self._guard.door.public_url.startswith("https://")
