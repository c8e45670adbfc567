"""Encoded answers that say nothing but what the cluster is: built once for each of its images.

Many clients ask for the same metadata at the same time, after a restart or a change. A handler says
by a key which requests have the same answer (`Handler.same_answer`); a new image empties the cache.
"""

import struct
from collections.abc import Hashable, Sequence

from broker.protocol.codec import Chunk, join
from broker.protocol.frame import SIZE_BYTES

ANSWERS_MAX = 256
BYTES_MAX = 8_388_608  # of all together
_CORRELATION_ID = struct.Struct(">i")


class AnswerCache:
    """Answer frames by key, all true for one image."""

    def __init__(self) -> None:
        self._image: object = None
        self._frames: dict[Hashable, bytes] = {}
        self._size_bytes = 0

    def find(self, key: Hashable, image: object, correlation_id: int) -> bytearray | None:
        """The answer as it holds for `image`; None when it is not known."""
        frame = self._frames.get(key) if image is self._image else None
        if frame is None:
            return None
        answer = bytearray(frame)
        _CORRELATION_ID.pack_into(answer, SIZE_BYTES, correlation_id)
        return answer

    def keep(self, key: Hashable, image: object, answer: Sequence[Chunk]) -> None:
        """Know this answer, if there is room for it."""
        if image is not self._image:
            self._image = image
            self._frames.clear()
            self._size_bytes = 0
        frame = join(answer)
        if len(self._frames) < ANSWERS_MAX and self._size_bytes + len(frame) <= BYTES_MAX:
            self._frames[key] = frame
            self._size_bytes += len(frame)
