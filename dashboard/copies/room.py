"""What an action that copies records works with."""

from collections.abc import Callable
from dataclasses import dataclass

from dashboard.copies.desk import CopyDesk
from dashboard.masking.rules import Masks


@dataclass(frozen=True, slots=True)
class CopyRoom:
    """Of one dashboard."""

    desk: CopyDesk
    masks: Masks
    size_of: Callable[[str, str], int | None]
    """Bytes on disk of a topic of a cluster, where somebody knows."""

    def masks_lost(self, source: str, target: str) -> tuple[str, ...]:
        """Rules that hide something of the one topic and would not of the other."""
        kept = self.masks.names(target)
        return tuple(name for name in self.masks.names(source) if name not in kept)
