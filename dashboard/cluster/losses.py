"""What groups lost to retention, since we watch."""

from collections.abc import Mapping

from tracker.topics import TopicPartition


class Losses:
    """Counts records that retention deleted before a group read them, each once."""

    def __init__(self) -> None:
        self._counted_to: dict[str, dict[TopicPartition, int]] = {}
        self._totals: dict[str, dict[str, int]] = {}

    def keep(self, groups: set[str]) -> None:
        """Forget groups that are gone."""
        for group_id in [group_id for group_id in self._totals if group_id not in groups]:
            del self._totals[group_id], self._counted_to[group_id]

    def forget(self, topics: set[str]) -> None:
        """Offsets of these topics start anew; what was lost stays lost."""
        for counted in self._counted_to.values():
            for place in [place for place in counted if place.topic in topics]:
                del counted[place]

    def count(
        self,
        group_id: str,
        commits: Mapping[TopicPartition, int],
        starts: Mapping[TopicPartition, int],
    ) -> dict[str, int]:
        """Losses of the group by topic since we watch, this look included."""
        totals = self._totals.setdefault(group_id, {})
        counted = self._counted_to.setdefault(group_id, {})
        for place, committed in commits.items():
            totals.setdefault(place.topic, 0)
            start = starts.get(place)
            if start is not None and start > max(committed, counted.get(place, 0)):
                totals[place.topic] += start - max(committed, counted.get(place, 0))
                counted[place] = start
        return dict(totals)
