"""The ids of topics, from look to look."""

from collections.abc import Iterable, Mapping


class TopicIds:
    """Notices topics that were deleted and made anew under their old name (KIP-516)."""

    def __init__(self, ids: Mapping[str, str] | None = None) -> None:
        self._ids: dict[str, str] = dict(ids or {})

    def renewed(self, ids: Mapping[str, str]) -> set[str]:
        """Topics whose id is another than at the look before."""
        found = {name for name, id in ids.items() if self._ids.get(name, id) != id}
        self._ids |= ids
        return found

    def keep(self, topics: Iterable[str]) -> None:
        """Forget topics that are gone."""
        self._ids = {name: self._ids[name] for name in topics if name in self._ids}
