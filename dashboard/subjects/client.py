"""A schema registry over Confluent's REST interface, which Apicurio, Karapace and others have too.

Every call blocks for a bounded time; call it from a thread. See dashboard.rest for what it raises.
What only some registries can (references back, levels of their own) is left out where they refuse.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final

from dashboard.rest import NotThere, Owner, Rest, RestAccess, part
from dashboard.subjects import model
from dashboard.subjects.model import Draft, Listing, Own, Subject, Verdict, Version
from tracker.kafka.admin import ClusterUnavailable
from tracker.kafka.changes import Refused

TIMEOUT_S: Final = 5.0
USERS_MAX: Final = 20  # schemas whose subjects are looked up
OWNER: Final = Owner("schema_registry_url", "schema_registry_username")


class RegistryClient:
    """One registry."""

    def __init__(self, access: RestAccess) -> None:
        """Raises SettingsError for what is no address."""
        rest = Rest(access, OWNER, timeout_s=TIMEOUT_S)
        self._ask = rest.ask
        self.url = rest.url

    def look(self) -> Listing:
        subjects = model.names(self._ask("GET", "/subjects"))
        try:
            every = model.names(self._ask("GET", "/subjects?deleted=true"))
        except Refused:
            every = ()
        deleted = frozenset(every) - frozenset(subjects)
        level = model.level(self._ask("GET", "/config"))
        contexts = {model.context_of(name)[0] for name in (*subjects, *deleted)}
        contexts |= set(self._contexts())
        return Listing(subjects, deleted, level, self._mode(""), tuple(sorted(contexts)))

    def own(self, context: str) -> Own:
        """What is set at a context."""
        name = model.context_subject(context)
        return Own(self._level(name), self._mode(name))

    def _contexts(self) -> tuple[str, ...]:
        """Those that it tells; not every registry has contexts."""
        try:
            told = model.names(self._ask("GET", "/contexts"))
            return tuple(one.strip(":") for one in told)  # Apicurio calls them as in subjects
        except (Refused, ClusterUnavailable):
            return ()

    def _mode(self, name: str) -> str | None:
        """Own mode of a subject, or of the registry where `name` is empty."""
        try:
            return model.mode(self._ask("GET", f"/mode/{part(name)}" if name else "/mode"))
        except (Refused, ClusterUnavailable):  # it has none, or there is no such thing
            return None

    def _level(self, name: str) -> str | None:
        try:
            return model.level(self._ask("GET", f"/config/{part(name)}"))
        except NotThere:  # it has none of its own
            return None

    def subject(self, name: str) -> Subject:
        """With versions that were deleted softly, or all of them. Raises NotThere."""
        gone: NotThere | None = None
        try:
            found = model.numbers(self._ask("GET", f"{_path(name)}/versions"))
        except NotThere as error:
            found, gone = (), error
        try:
            buried = tuple(one for one in self.buried(name) if one not in found)
        except Refused:
            buried = ()
        if gone is not None and not buried:
            raise gone
        return Subject(name, found, self._level(name), self._mode(name), buried)

    def version(self, name: str, number: int) -> Version:
        """With what refers to it; also one that was deleted softly. Raises NotThere."""
        path = f"{_path(name)}/versions/{number}"
        try:
            told = self._ask("GET", path)
        except NotThere:
            return replace(model.version(self._ask("GET", f"{path}?deleted=true")), deleted=True)
        return model.version(told, self.used_by(name, number))

    def latest(self, name: str) -> Version:
        """Without what refers to it. Raises NotThere."""
        return model.version(self._ask("GET", f"{_path(name)}/versions/latest"))

    def used_by(self, name: str, number: int) -> tuple[tuple[str, int], ...]:
        """Subjects and versions whose schemas refer to this one."""
        found = set()
        try:
            ids = model.numbers(self._ask("GET", f"{_path(name)}/versions/{number}/referencedby"))
            for schema_id in ids[:USERS_MAX]:
                # ids are those of the subject's context
                listed = self._ask("GET", f"/schemas/ids/{schema_id}/versions?subject={part(name)}")
                for one in listed if isinstance(listed, list) else ():
                    place = model.fields(one)
                    found.add((str(place.get("subject")), int(place.get("version", -1))))
        except (Refused, TypeError, ValueError):  # it does not tell
            return ()
        return tuple(sorted(found))

    def check(self, name: str, draft: Draft) -> Verdict:
        """Whether `draft` may be the next version; the first one of a subject always may."""
        body = _body(draft)
        try:
            known = model.fields(self._ask("POST", _path(name), body)).get("version")
            if isinstance(known, int):
                return Verdict(True, known_as=known)
        except NotThere:
            pass
        path = f"/compatibility{_path(name)}/versions/latest?verbose=true"
        try:
            return model.verdict(self._ask("POST", path, body))
        except NotThere:
            return Verdict(True)

    def register(self, name: str, draft: Draft) -> int:
        """The id of the schema, new or as it was."""
        told = model.fields(self._ask("POST", f"{_path(name)}/versions", _body(draft)))
        return int(told.get("id", -1))

    def set_level(self, name: str, level: str | None) -> None:
        """Of a subject, or of all without a level of their own where `name` is empty; None takes
        a subject's own away."""
        path = f"/config/{part(name)}" if name else "/config"
        if level is None:
            self._ask("DELETE", path)
        else:
            self._ask("PUT", path, {"compatibility": level})

    def set_mode(self, name: str, mode: str | None, force: bool) -> None:
        """Of a subject or a context, or of the registry where `name` is empty; None takes its own
        away. `force`: IMPORT even where there are schemas."""
        path = f"/mode/{part(name)}" if name else "/mode"
        if mode is None:
            self._ask("DELETE", path)
        else:
            self._ask("PUT", f"{path}?force=true" if force else path, {"mode": mode})

    def delete_version(self, name: str, number: int) -> None:
        """Softly: its schema goes on opening values."""
        self._ask("DELETE", f"{_path(name)}/versions/{number}")

    def delete_subject(self, name: str) -> None:
        """Softly, with all its versions."""
        self._ask("DELETE", _path(name))

    def buried(self, name: str) -> tuple[int, ...]:
        """Versions of a subject that was deleted softly. Raises NotThere."""
        return model.numbers(self._ask("GET", f"{_path(name)}/versions?deleted=true"))

    def erase_subject(self, name: str) -> None:
        """For good, after it was deleted softly: its schemas open nothing any more."""
        self._ask("DELETE", f"{_path(name)}?permanent=true")


def _path(name: str) -> str:
    return "/subjects/" + part(name)


def _body(draft: Draft) -> Mapping[str, Any]:
    body: dict[str, Any] = {"schema": draft.text}
    if draft.kind != "AVRO":
        body["schemaType"] = draft.kind
    if draft.references:
        body["references"] = [
            {"name": one.name, "subject": one.subject, "version": one.version}
            for one in draft.references
        ]
    return body
