"""Since when each thing is in the trouble in which it is, remembered from look to look. Pure."""

from collections.abc import Collection, Iterable, Iterator
from typing import NamedTuple


class Onset(NamedTuple):
    """A thing has been so since then; `kind` is group, topic, log directory."""

    kind: str
    name: str
    trouble: str
    since_ms: int | None  # None: it was so when we first looked


class Onsets:
    """One onset of each thing in trouble; bounded by what the cluster has."""

    def __init__(self, kept: Iterable[Onset] = ()) -> None:
        self._found = {(onset.kind, onset.name): onset for onset in kept}

    def __iter__(self) -> Iterator[Onset]:
        return iter(self._found.values())

    def since(self, kind: str, name: str, trouble: str, now_ms: int | None) -> int | None:
        """When this trouble began; None where there is none, and what was is forgotten.

        `now_ms` is None at the first look: what is found then began before.
        """
        if not trouble:
            self._found.pop((kind, name), None)
            return None
        before = self._found.get((kind, name))
        if before is None or before.trouble != trouble:
            before = self._found[kind, name] = Onset(kind, name, trouble, now_ms)
        return before.since_ms

    def keep(self, kind: str, names: Collection[str]) -> None:
        """Forget those of this kind that are gone."""
        for key in [key for key in self._found if key[0] == kind and key[1] not in names]:
            del self._found[key]
