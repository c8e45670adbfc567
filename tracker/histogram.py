"""Histograms of measured values: fixed buckets that grow by 5 %, so that any two can be added.

A value v > 0 is in bucket k when LEAST * GROWTH^(k-1) <= v < LEAST * GROWTH^k; bucket 0 holds what
is nearer to zero than LEAST, negative values are mirrored. A bucket is told as the geometric middle
of its bounds, which no value in it differs from by more than 2.5 % (`ERROR`): that is the error of
every quantile. Quantiles are of the nearest rank: a value that was measured, not one in between.
The buckets never depend on what was measured: counts of hours, pages or machines add up.
(The idea is that of DDSketch, VLDB 2019, without its collapsing.)
"""

import math
from collections.abc import Iterable
from typing import Final

GROWTH: Final = 1.05
LEAST: Final = 1e-6  # less is 0: far below any layout shift, and below a nanosecond in ms
MOST: Final = 1e15  # more is as if it were this
ERROR: Final = math.sqrt(GROWTH) - 1  # 2.47 % of the value

_LOG_GROWTH: Final = math.log(GROWTH)


def bucket_of(value: float) -> int:
    """The bucket of a finite value; buckets are in the order of their values."""
    size = min(abs(value), MOST)
    if size < LEAST:
        return 0
    number = max(math.floor(math.log(size / LEAST) / _LOG_GROWTH), 0) + 1
    return number if value > 0 else -number


def value_of(bucket: int) -> float:
    """What stands for all values of a bucket."""
    if bucket == 0:
        return 0.0
    middle: float = LEAST * GROWTH ** (abs(bucket) - 0.5)
    return middle if bucket > 0 else -middle


def at_quantile(counts: Iterable[tuple[int, int]], share: float) -> int:
    """Position, in ascending (bucket, count) pairs, of the pair with quantile `share` in (0, 1].

    Raises ValueError when nothing was counted.
    """
    pairs = list(counts)
    wanted = math.ceil(share * sum(count for _bucket, count in pairs))
    for position, (_bucket, count) in enumerate(pairs):
        wanted -= count
        if count and wanted <= 0:
            return position
    raise ValueError("a quantile of nothing")
