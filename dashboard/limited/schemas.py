"""What a limited person sees of a schema registry: subjects of topics that are seen.

A subject belongs to the topic that its name says (TopicNameStrategy); who may see less does not see
those that are named otherwise.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from dashboard.asked import Answer, Asked
from dashboard.pages.page import NotFound
from dashboard.rights.rules import Sight
from dashboard.subjects.desk import RegistryDesk
from dashboard.subjects.model import Listing, Own, Subject, Version, context_of, topic_of


class SeenRegistry:
    """One registry, as far as it may be seen."""

    def __init__(self, desk: RegistryDesk, cluster: str, sight: Sight) -> None:
        self._desk, self._cluster, self._sight = desk, cluster, sight

    @property
    def is_there(self) -> bool:
        return self._desk.is_there

    @property
    def url(self) -> str:
        """Where it is concerns those who see the cluster as a whole."""
        return self._desk.url if self._sight.whole(self._cluster) else ""

    @property
    def listing(self) -> "SeenListing":
        return SeenListing(self)

    async def all_subjects(self) -> Answer[Listing]:
        """Also those that are hidden; SeenListing chooses."""
        return await self._desk.listing.answer()

    def sees(self, subject: str) -> bool:
        topic = topic_of(subject)
        whole = self._sight.whole(self._cluster)
        return whole or (topic is not None and self._sight.topic(self._cluster, topic[0]))

    def subject(self, name: str) -> Asked[Subject]:
        """Raises NotFound, in the words for one that never was."""
        if not self.sees(name):
            raise NotFound(f"There is no subject {name!r} in the registry.")
        return self._desk.subject(name)

    def version(self, name: str, number: int) -> "SeenVersion":
        return SeenVersion(self, self._desk.version(name, number))

    def own(self, context: str) -> Asked[Own]:
        return self._desk.own(context)

    async def latest(self, names: Sequence[str]) -> dict[str, Version]:
        return await self._desk.latest([name for name in names if self.sees(name)])


@dataclass(frozen=True, slots=True)
class SeenListing:
    """Names of what is seen."""

    registry: SeenRegistry

    async def answer(self) -> Answer[Listing]:
        found, sees = await self.registry.all_subjects(), self.registry.sees
        if found.value is None:
            return found
        listing = Listing(
            tuple(filter(sees, found.value.subjects)),
            frozenset(filter(sees, found.value.deleted)),
            found.value.level,
            found.value.mode,
        )
        seen = {context_of(name)[0] for name in (*listing.subjects, *listing.deleted)}
        listing = replace(listing, contexts=tuple(sorted(seen)))
        return replace(found, value=listing)


@dataclass(frozen=True, slots=True)
class SeenVersion:
    """A schema without names of subjects that are hidden."""

    registry: SeenRegistry
    asked: Asked[Version]

    async def answer(self) -> Answer[Version]:
        found, sees = await self.asked.answer(), self.registry.sees
        if found.value is None:
            return found
        version = replace(
            found.value,
            references=tuple(one for one in found.value.references if sees(one.subject)),
            used_by=tuple(place for place in found.value.used_by if sees(place[0])),
        )
        return replace(found, value=version)
