from prometheus_client import CollectorRegistry, generate_latest

from broker.exposition import SERIES_A_PIECE, pieces
from broker.metrics import BrokerMetrics


def test_the_pieces_are_the_exposition_of_all_series_and_none_is_long() -> None:
    metrics = BrokerMetrics(CollectorRegistry())
    for number in range(2 * SERIES_A_PIECE + 1):
        metrics.logs.topic(f"topic-{number}").bytes_in = number

    texts = list(pieces(metrics.registry))

    told, at_once = (
        [line for line in text.splitlines() if b"avgidle" not in line]  # it is of the moment
        for text in (b"".join(texts), generate_latest(metrics.registry))
    )
    assert told == [line.replace(b"_count untyped", b"_count counter") for line in at_once]
    assert max(piece.count(b"\n") for piece in texts) == SERIES_A_PIECE + len(("HELP", "TYPE"))
