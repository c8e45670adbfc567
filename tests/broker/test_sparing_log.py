"""A flood of clients is not a flood of lines."""

import logging

import pytest

from broker.sparing_log import WINDOW_S, SparingLog

log = logging.getLogger(__name__)


def test_so_many_lines_a_while_and_then_how_many_were_left_out(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO)
    sparing = SparingLog(log, "connections closed", lines_max=3)

    for number in range(1_000):
        sparing.tell(logging.INFO, 5.0, "closed number=%d", number)
    sparing.tell(logging.INFO, 5.0 + WINDOW_S, "closed number=%d", 1_000)

    assert caplog.messages == [
        "closed number=0",
        "closed number=1",
        "closed number=2",
        "connections closed: 997 lines were left out",
        "closed number=1000",
    ]


def test_a_line_now_and_then_is_always_written(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    sparing = SparingLog(log, "connections closed", lines_max=1)

    for number in range(5):
        sparing.tell(logging.INFO, number * WINDOW_S, "closed number=%d", number)

    assert len(caplog.messages) == 5
    assert "left out" not in caplog.text
