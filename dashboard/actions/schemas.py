"""Actions on a schema registry: register, set levels, delete softly; each with a dry run."""

from typing import Any, Final

from dashboard.actions import schema_wishes as wishes
from dashboard.actions.perform import Outcome, Scene
from dashboard.subjects.client import RegistryClient
from dashboard.subjects.model import (
    Draft,
    Listing,
    Reference,
    context_of,
    context_subject,
    topic_of,
)
from dashboard.text import count, plural
from tracker.kafka.changes import Refused

REFERENCES_MAX: Final = 100
USED_VERSIONS_MAX: Final = 50  # whose references back a dry run looks up


def _client(scene: Scene) -> RegistryClient:
    if scene.registry is None:
        raise Refused("this cluster has no schema registry in the settings")
    return scene.registry


def register(scene: Scene, wish: wishes.RegisterSchema) -> Outcome:
    client, draft = _client(scene), _draft(wish)
    verdict = client.check(wish.subject, draft)
    if verdict.known_as is not None:
        said = f"It is version {verdict.known_as} of {wish.subject} already."
        return Outcome(said, False)
    rows = tuple({"reason": reason} for reason in verdict.reasons)
    if wish.dry_run:
        said = "may" if verdict.fits else "may not"
        return Outcome(f"The next version of {wish.subject} {said} be this schema.", False, rows)
    if not verdict.fits:
        why = f": {verdict.reasons[0]}" if verdict.reasons else ""
        raise Refused(f"it does not fit the versions that are there{why}"[:2_000])
    schema_id = client.register(wish.subject, draft)
    return Outcome(f"Registered for {wish.subject} under the id {schema_id}.", True)


def _draft(wish: wishes.RegisterSchema) -> Draft:
    if len(wish.references) > REFERENCES_MAX:
        raise Refused(f"a schema takes from {REFERENCES_MAX} others at most")
    references = []
    for name, place in wish.references.items():
        subject, _, number = (place or "").rpartition(":")
        if not subject or not (number.isascii() and number.isdigit() and len(number) < 10):
            raise Refused(f"the reference {name} needs subject:version, such as orders-value:3")
        references.append(Reference(name, subject, int(number)))
    return Draft(wish.schema, wish.kind, tuple(references))


def set_subject_level(scene: Scene, wish: wishes.SetSubjectLevel) -> Outcome:
    client = _client(scene)
    before = client.subject(wish.subject).level or "the registry's"
    after = wish.level or "the registry's"
    rows = ({"subject": wish.subject, "before": before, "after": after},)
    if wish.dry_run:
        return Outcome(f"{wish.subject} would have the level {after}.", False, rows)
    client.set_level(wish.subject, wish.level)
    return Outcome(f"{wish.subject} has the level {after} now.", True, rows)


def set_registry_level(scene: Scene, wish: wishes.SetRegistryLevel) -> Outcome:
    client = _client(scene)
    listing = client.look()
    before = listing.level
    if context_subject(wish.context):
        before = client.own(wish.context).level or f"the registry's {before}"
    rows = ({"subjects": "all others", "before": before, "after": wish.level},)
    many = _of_context(listing, wish.context)
    if wish.dry_run:
        said = f"Of {many}, those without a level of their own would have {wish.level}."
        return Outcome(said, False, rows)
    client.set_level(context_subject(wish.context), wish.level)
    said = f"Of {many}, those without a level of their own have {wish.level} now."
    return Outcome(said, True, rows)


def set_subject_mode(scene: Scene, wish: wishes.SetSubjectMode) -> Outcome:
    client = _client(scene)
    before = client.subject(wish.subject).mode or "the registry's"
    after = wish.mode or "the registry's"
    rows = ({"subject": wish.subject, "before": before, "after": after},)
    if wish.dry_run:
        said = f"{wish.subject} would be in the mode {after}.{_meaning(wish.mode)}"
        return Outcome(said, False, rows)
    client.set_mode(wish.subject, wish.mode, wish.force)
    return Outcome(f"{wish.subject} is in the mode {after} now.", True, rows)


def set_registry_mode(scene: Scene, wish: wishes.SetRegistryMode) -> Outcome:
    client = _client(scene)
    listing = client.look()
    if listing.mode is None:
        raise Refused("this registry has no modes")
    before = listing.mode
    if context_subject(wish.context):
        before = client.own(wish.context).mode or f"the registry's {before}"
    rows = ({"subjects": "all others", "before": before, "after": wish.mode},)
    many = _of_context(listing, wish.context)
    if wish.dry_run:
        said = f"Of {many}, those without a mode of their own would be in {wish.mode}."
        return Outcome(said + _meaning(wish.mode), False, rows)
    client.set_mode(context_subject(wish.context), wish.mode, wish.force)
    said = f"Of {many}, those without a mode of their own are in {wish.mode} now."
    return Outcome(said, True, rows)


def _of_context(listing: Listing, context: str) -> str:
    """How many subjects a change is about."""
    name = context if context_subject(context) else ""
    subjects = [one for one in listing.subjects if name in ("", context_of(one)[0])]
    return plural(len(subjects), "subject") + (f" of {name}" if name else "")


def _meaning(mode: str | None) -> str:
    return {
        "READONLY": " Producers with a new schema would fail.",
        "READONLY_OVERRIDE": " Producers with a new schema would fail, whatever a subject's mode.",
        "IMPORT": " Schemas would be registered with ids, unchecked, and producers would fail.",
    }.get(mode or "", "")


def delete_version(scene: Scene, wish: wishes.DeleteSchemaVersion) -> Outcome:
    client = _client(scene)
    version = client.version(wish.subject, wish.version)
    rows = (_told(wish.version, version.used_by),)
    what = f"Version {wish.version} of {wish.subject}"
    if wish.dry_run:
        return Outcome(f"{what} would be deleted, softly.{_topic(scene, wish)}", False, rows)
    client.delete_version(wish.subject, wish.version)
    return Outcome(f"{what} was deleted; values written with it can still be opened.", True, rows)


def delete_subject(scene: Scene, wish: wishes.DeleteSubject) -> Outcome:
    client = _client(scene)
    numbers = client.subject(wish.subject).versions
    many = plural(len(numbers), "version")
    if wish.dry_run:
        looked = numbers[-USED_VERSIONS_MAX:]
        rows = tuple(_told(number, client.used_by(wish.subject, number)) for number in looked)
        said = f"{wish.subject} would be deleted with {many}, softly.{_topic(scene, wish)}"
        return Outcome(said, False, rows)
    client.delete_subject(wish.subject)
    said = f"{wish.subject} was deleted with {many}; values written with it can still be opened."
    return Outcome(said, True)


def erase_subject(scene: Scene, wish: wishes.EraseSubject) -> Outcome:
    client = _client(scene)
    listing = client.look()
    if wish.subject in listing.subjects:
        raise Refused("it is still there: delete it softly first, and see who misses it")
    if wish.subject not in listing.deleted:
        raise Refused(f"there is no deleted subject {wish.subject!r} in the registry")
    many = plural(len(client.buried(wish.subject)), "version")
    if wish.dry_run:
        topic, _ = topic_of(wish.subject) or ("", "")
        there = scene.snapshot.topics.get(topic)
        left = f" Topic {topic} still has {count(there.records)} records." if there else ""
        said = f"{wish.subject} would be deleted for good with {many}"
        return Outcome(f"{said}: no value written with it can be opened then.{left}", False)
    client.erase_subject(wish.subject)
    return Outcome(f"{wish.subject} was deleted for good with {many}.", True)


def _told(number: int, used_by: tuple[tuple[str, int], ...]) -> dict[str, Any]:
    users = ", ".join(f"{subject} {version}" for subject, version in used_by[:20])
    return {"version": number, "used by": users or "nothing that is known"}


def _topic(scene: Scene, wish: wishes.DeleteSchemaVersion | wishes.DeleteSubject) -> str:
    """What people should know of a topic that has the subject."""
    topic, part = topic_of(wish.subject) or ("", "")
    if topic not in scene.snapshot.topics:
        return ""
    return f" Topic {topic} is there: producers of its {part} may register it anew."
