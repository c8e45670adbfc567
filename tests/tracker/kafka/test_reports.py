"""Who waits for delivery reports: on a client whose broker is away, and gives up soon."""

import threading

from confluent_kafka import Producer

from tracker.kafka.reports import Reports

WAIT_S = 30.0  # no test waits so long, but on a machine that stands still


def client(timeout_ms: int) -> Producer:
    return Producer({"bootstrap.servers": "127.0.0.1:1", "delivery.timeout.ms": timeout_ms})


def test_reports_come_in_a_thread_of_their_own_and_then_it_is_told() -> None:
    producer, order, told = client(timeout_ms=100), list[object](), threading.Event()

    def heard() -> None:  # of the broker that is away, too
        if order and not told.is_set():
            order.append("told")
            told.set()

    reports = Reports(producer, heard)
    producer.produce("t", b"x", on_delivery=lambda *_: order.append(threading.current_thread()))
    assert told.wait(WAIT_S)
    reports.close()

    (thread, last) = order
    assert (thread is threading.main_thread(), last) == (False, "told")


def test_who_is_retired_ends_with_the_last_report() -> None:
    producer, reported, told = client(timeout_ms=300_000), list[object](), threading.Event()
    reports = Reports(producer, told.set)
    producer.produce("t", b"x", on_delivery=lambda *_: reported.append(None))

    reports.retire()
    waits = not reports.is_over
    producer.purge()
    reports.join(WAIT_S)

    assert (waits, len(reported), reports.is_over) == (True, 1, True)


def test_a_loop_that_is_closed_ends_the_thread() -> None:
    producer = client(timeout_ms=100)

    def closed() -> None:
        raise RuntimeError("Event loop is closed")

    reports = Reports(producer, closed)
    producer.produce("t", b"x")
    reports.join(WAIT_S)

    assert reports.is_over
