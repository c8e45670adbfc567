"""Members that wait until there is something for them."""

from collections.abc import Sequence

from broker.coordinator.share.records import ShareKey
from broker.coordinator.share.store import share_key
from broker.partition.partition import Partition
from broker.partition.partitions import Partitions
from broker.partition.watcher import Watcher


class ShareWaiting:
    """Fetches of share groups that wait for records, or for records to be given back."""

    def __init__(self, partitions: Partitions) -> None:
        self._waiting = partitions.waiting
        self._watchers: dict[ShareKey, set[Watcher]] = {}

    async def wait(
        self, group_id: str, watched: Sequence[Partition], left_ms: float, bytes_wanted: int
    ) -> None:
        """Until there is more in the logs, a record is given back, or the time is up."""
        watcher = Watcher(bytes_wanted)
        keys = [share_key(group_id, one) for one in watched]
        try:
            for partition, key in zip(watched, keys, strict=True):
                partition.watch(watcher)
                self._watchers.setdefault(key, set()).add(watcher)
            self._waiting.add(watcher, left_ms)
            await watcher.future
        finally:
            watcher.future.cancel()
            self._waiting.served()
            for partition, key in zip(watched, keys, strict=True):
                partition.unwatch(watcher)
                self._watchers[key].discard(watcher)
                if not self._watchers[key]:
                    del self._watchers[key]

    def wake(self, key: ShareKey) -> None:
        """Records of this share partition are available again."""
        for watcher in tuple(self._watchers.get(key, ())):
            watcher.wake()
