"""The newest image of the cluster, as the records of `__cluster_metadata-0` make it."""

from broker.coordinator.shard import Source
from broker.metadata.features import refuse_unknown_level
from broker.metadata.image import ClusterImage
from broker.metadata.records import FeatureLevelRecord, MetadataRecord, decode_record


class MetadataState:
    """The newest image, committed or about to be; only the cluster's own writer looks at it."""

    def __init__(self) -> None:
        self._image = ClusterImage()
        self._pending: list[MetadataRecord] = []

    @property
    def image(self) -> ClusterImage:
        if self._pending:
            self._image = self._image.apply(self._pending)
            self._pending = []
        return self._image

    def reset(self) -> None:
        self._image = ClusterImage()
        self._pending = []

    def replay(self, key: bytes | None, value: bytes | None, source: Source) -> None:
        assert value is not None, f"metadata record without a value at offset {source.offset}"
        record = decode_record(value)
        if isinstance(record, FeatureLevelRecord):
            refuse_unknown_level(record.name, record.feature_level)
        self._pending.append(record)

    def end_transaction(self, producer_id: int, *, committed: bool) -> None:
        raise AssertionError(f"transaction of producer {producer_id} in the metadata log")
