"""Settings of a share group, as they are at the moment: its own, or the broker's."""

from broker.config import BrokerConfig
from broker.coordinator.cluster import Cluster
from broker.coordinator.share.share_partition import Limits
from broker.metadata import group_configs
from broker.partition.wishes import ReadEnd


class ShareSettings:
    def __init__(self, cluster: Cluster, config: BrokerConfig) -> None:
        self._cluster = cluster
        self._config = config

    def lock_ms(self, group_id: str) -> int:
        """How long a record belongs to the member it is given to."""
        return int(self._value(group_id, group_configs.SHARE_LOCK))

    def limits(self, group_id: str) -> Limits:
        return Limits(
            delivery_count_max=self._config.group_share_delivery_count_limit,
            in_flight_max=self._config.group_share_partition_max_record_locks,
            lock_ms=self.lock_ms(group_id),
        )

    def read_end(self, group_id: str) -> ReadEnd:
        """How far the group reads: its share.isolation.level."""
        isolation = self._value(group_id, group_configs.SHARE_ISOLATION)
        committed = isolation == group_configs.READ_COMMITTED
        return ReadEnd.LAST_STABLE_OFFSET if committed else ReadEnd.HIGH_WATERMARK

    def offset_reset(self, group_id: str) -> str:
        """Where a partition begins that the group never read: its share.auto.offset.reset."""
        return self._value(group_id, group_configs.SHARE_RESET)

    def _value(self, group_id: str, name: str) -> str:
        return group_configs.group_config(self._cluster.image, self._config, group_id, name)
