"""POST /api/v1/actions/<name>: the one way in which anything is changed through the dashboard.

400 the body does not fit, 403 switched off or not allowed, 409 refused by us or by the cluster,
415 not JSON, 503 no answer from the cluster.
"""

from typing import Any, Final

import msgspec
from aiohttp import web

from dashboard.access.accounts import AccountError
from dashboard.access.guard import WHO
from dashboard.actions import catalogue
from dashboard.actions.audit import Entry
from dashboard.actions.catalogue import Action
from dashboard.actions.commands import COMMANDS, Command
from dashboard.actions.perform import Outcome
from dashboard.actions.schema_wishes import RegisterSchema, SetSubjectLevel
from dashboard.actions.wishes import CopyRecords, ResendRecord, Wish
from dashboard.identity import Identity, NotAllowed
from dashboard.rights.rules import Names
from dashboard.state import State
from dashboard.subjects.model import topic_of
from tracker.kafka.admin import ClusterUnavailable
from tracker.kafka.changes import Refused

_COMMANDS = {command.name: command for command in COMMANDS}

NOT_ALLOWED: Final = "No rule of [rights] that names you allows this."
NAMING: Final = frozenset(("topic", "source", "group", "labels"))  # what `named_in` looks at
OF_A_SUBJECT: Final = frozenset(("register-schema", "set-subject-level"))
"""They tell of nothing but their subject; the others name what refers to it."""


def named_in(wish: Wish) -> Names:
    """Topics and groups that a change is about."""

    def found(*fields: str) -> tuple[str, ...]:
        return tuple(str(one) for key in fields if (one := getattr(wish, key, None)) is not None)

    if isinstance(wish, RegisterSchema | SetSubjectLevel):
        return _topics_of(wish)
    labels = getattr(wish, "labels", {})
    topics = found("topic", "source") + ((labels["topic"],) if labels.get("topic") else ())
    group = labels.get("consumergroup")
    return Names(topics, found("group") + ((group,) if group else ()))


def _topics_of(wish: RegisterSchema | SetSubjectLevel) -> Names:
    """Those of a subject, and of what its schema takes from; none where one of them is of no topic
    by its name, for that is of the whole cluster."""
    taken = wish.references.values() if isinstance(wish, RegisterSchema) else ()
    subjects = (wish.subject, *((place or "").rpartition(":")[0] for place in taken))
    found = [topic_of(subject) for subject in subjects]
    return Names() if None in found else Names(tuple(one[0] for one in found if one is not None))


def cluster_of(wish: Wish, asked: str) -> str:
    """The cluster that a change is about: a silence holds in the one that its labels name, and
    without that label in all of them, which is the empty name."""
    labels = getattr(wish, "labels", None)
    return asked if labels is None else labels.get("kafka_cluster") or ""


class ActionApi:
    """Decodes wishes and has them performed."""

    def __init__(self, state: State) -> None:
        self._state = state

    def add_routes(self, app: web.Application) -> None:
        app.router.add_post("/api/v1/actions/{action}", self._act)
        app.router.add_get("/api/v1/actions", self._list)

    async def _list(self, request: web.Request) -> web.Response:
        """What the one who asks may do, and why not where not; and the CSRF token to do it."""
        who = request[WHO]
        changes: tuple[Action | Command, ...] = (*catalogue.ACTIONS, *COMMANDS)
        cluster = request.query.get("cluster") or next(iter(self._state.pollers), "")
        reasons = {change.name: self.why_not(change, who, cluster) for change in changes}
        return web.json_response(
            {
                "who": who.name,
                "role": who.role.word,
                "csrf": who.csrf,
                "actions": {
                    name: {"allowed": not why, "why_not": why} for name, why in reasons.items()
                },
            }
        )

    def why_not(self, change: Action | Command, who: Identity, cluster: str) -> str:
        """Why `who` may not do it to anything there; empty when nothing is in the way."""
        of_whole = (
            NAMING.isdisjoint(change.wish.__struct_fields__) and change.name not in OF_A_SUBJECT
        )
        if not self._state.sight.may_do(change.name, of_whole):
            return NOT_ALLOWED
        if isinstance(change, Command):
            needed = f"This needs the role {change.role.word}." if who.role < change.role else ""
            return self._state.actions.closed() or needed
        return self._state.actions.may(change, who, cluster)

    async def _act(self, request: web.Request) -> web.Response:
        if request.content_type != "application/json":
            return web.json_response({"error": "The body must be application/json."}, status=415)
        if lost := set(request.query) - {"cluster"}:  # a dry run that would be none
            said = (
                f"{min(lost)[:40]!r} belongs into the body; only cluster is named in the address."
            )
            return web.json_response({"error": said}, status=400)
        name, body = request.match_info["action"], await request.read()
        status, told = await self.perform(name, body, request.query.get("cluster"), request[WHO])
        return web.json_response(told, status=status)

    async def perform(
        self, name: str, body: bytes, cluster: str | None, who: Identity
    ) -> tuple[int, dict[str, Any]]:
        """Do what `body` asks, in the name of `who`: a status of HTTP and what is answered."""
        action: Action | Command | None = catalogue.BY_NAME.get(name) or _COMMANDS.get(name)
        if action is None:
            return 404, {"error": f"There is no action {name!r}."}
        try:
            wish = msgspec.json.decode(body, type=action.wish)
            poller = self._state.poller(cluster)
        except msgspec.MsgspecError as error:
            return 400, {"error": str(error)}
        except (KeyError, UnicodeDecodeError):
            return 404, {"error": "There is no such cluster in the settings."}
        reads = isinstance(action, Action) and action.shows_messages
        about, cluster_name = named_in(wish), cluster_of(wish, poller.settings.name)
        may = self._state.sight.may_change(name, cluster_name, about, reads)
        if not may or not self._may_read(wish, cluster_name):
            subject = str(getattr(wish, action.subject))
            entry = Entry(who, name, cluster_name, subject, "refused: rights")
            self._state.actions.audit.note(entry)
            return 403, {"error": NOT_ALLOWED}
        try:
            if isinstance(action, Command):
                outcome = await self._command(action, wish, who)
            else:
                outcome = await self._state.actions.perform(action, wish, who, poller)
        except NotAllowed as error:
            return 403, {"error": str(error)}
        except (Refused, AccountError) as error:
            return 409, {"error": str(error)}
        except ClusterUnavailable as error:
            return 503, {"error": f"The cluster did not answer: {error}."}
        rows: list[Any] = [dict(row) for row in outcome.rows]
        return 200, {"sentence": outcome.sentence, "changed": outcome.changed, "rows": rows}

    def _may_read(self, wish: Wish, cluster: str) -> bool:
        """Records that come from somewhere else must be open to whoever has them copied."""
        if not isinstance(wish, CopyRecords | ResendRecord):
            return True
        return self._state.sight.messages(wish.from_cluster or cluster, wish.from_topic)

    async def _command(self, command: Command, wish: Wish, who: Identity) -> Outcome:
        name = str(getattr(wish, command.subject))

        def note(outcome: str) -> None:
            self._state.actions.audit.note(Entry(who, command.name, "", name, outcome))

        if closed := self._state.actions.closed():
            note(f"refused: {closed}")
            raise NotAllowed(closed)
        if who.role < command.role:
            note("refused: role")
            raise NotAllowed(f"This needs the role {command.role.word}; you are {who.role.word}.")
        if command.confirmed and getattr(wish, "confirm", None) != name:
            note("refused: not confirmed")
            raise Refused(f"confirm must repeat the name of the {command.subject}: {name}")
        try:
            outcome = await command.run(self._state.household, wish, who)
        except (AccountError, Refused) as error:
            note(f"failed: {error}")
            raise
        note("done")
        return outcome
