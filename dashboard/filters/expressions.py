"""Who tests records with expressions: a child process, started when somebody asks (ADR 0053)."""

import signal
import socket
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final

import msgspec

from dashboard.filters.wire import CPU_S, NO_MEMORY, Answer, Question, Sample, receive, send

ANSWER_S: Final = 30.0  # of wall time, its start included, on a machine that is busy otherwise
DIES_S: Final = 1.0  # from the end of its socket to its exit
AT_ONCE_BYTES: Final = 8_388_608
SAMPLE_BYTES_MAX: Final = 1_048_576
TOO_LARGE: Final = "larger than 1 MiB"


class Unusable(Exception):
    """The expression cannot be used: what is wrong with it, and where."""


class TooCostly(Exception):
    """The expression cannot be afforded; half a sentence."""


@dataclass(slots=True)
class Tested:
    """Whether each record fits; those that could not be tested do not."""

    fitting: list[bool] = field(default_factory=list)
    untested: Counter[str] = field(default_factory=Counter)  # why: how many


class _Child:
    """The process and the way to it."""

    def __init__(self) -> None:
        self._asked, theirs = socket.socketpair()
        self._asked.settimeout(ANSWER_S)
        with theirs:
            self._process = subprocess.Popen(
                [sys.executable, "-P", "-m", "dashboard.filters.child"],
                stdin=theirs.fileno(),
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
            )

    def answer(self, question: Question) -> Answer:
        """Raises OSError or EOFError when it is dead, or does not answer."""
        send(self._asked, question)
        return msgspec.msgpack.decode(receive(self._asked), type=Answer)

    def died_of(self) -> int:
        """Its exit code, below 0 the signal that ended it; SIGPROF for one that only hangs."""
        try:
            return self._process.wait(DIES_S)
        except subprocess.TimeoutExpired:
            return -signal.SIGPROF
        finally:
            self.end()

    def end(self) -> None:
        self._asked.close()
        self._process.kill()
        self._process.wait()


class Expressions:
    """Serves one caller at a time; each call blocks, for some seconds at most."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._child: _Child | None = None

    def check(self, expression: str) -> None:
        """Raises Unusable, TooCostly."""
        with self._lock:
            self._ask(Question(expression, []))

    def test(self, expression: str, samples: Sequence[Sample]) -> Tested:
        """Raises Unusable, TooCostly."""
        tested = Tested()
        with self._lock:
            for part in _parts(samples):
                if _size(part[0]) > SAMPLE_BYTES_MAX:  # then it is alone
                    tested.fitting.append(False)
                    tested.untested[TOO_LARGE] += 1
                    continue
                answer = self._ask(Question(expression, part))
                tested.fitting += answer.fitting
                tested.untested += Counter(answer.untested)
        return tested

    def close(self) -> None:
        with self._lock:
            if self._child is not None:
                self._child.end()
                self._child = None

    def _ask(self, question: Question) -> Answer:
        answer = self._answer_of_a_running_one(question)
        if answer is None:
            self._child = _Child()
            answer = self._answer_of_a_running_one(question)
        if answer is None:
            raise TooCostly("the process that tests them could not be started")
        if answer.refusal:
            raise Unusable(answer.refusal)
        return answer

    def _answer_of_a_running_one(self, question: Question) -> Answer | None:
        """None where there is none, or it went in peace: nobody had asked it for a minute."""
        child = self._child
        if child is None:
            return None
        try:
            return child.answer(question)
        except (EOFError, OSError):
            self._child = None
            code = child.died_of()
        if code == 0:
            return None
        records = len(question.samples)
        if code == -signal.SIGPROF:
            raise TooCostly(f"the expression took more than {CPU_S:.0f} s for {records} records")
        if code == NO_MEMORY or code < 0:  # the kernel's killer, or an allocation that aborts
            raise TooCostly(f"the expression took too much memory for {records} records")
        raise TooCostly(f"the process that tests them ended with exit code {code}")


def _parts(samples: Sequence[Sample]) -> Iterator[list[Sample]]:
    """In order; those that are too large are alone."""
    part: list[Sample] = []
    held = 0
    for sample in samples:
        size = _size(sample)
        if part and (held + size > AT_ONCE_BYTES or size > SAMPLE_BYTES_MAX):
            yield part
            part, held = [], 0
        part.append(sample)
        held += size
        if size > SAMPLE_BYTES_MAX:
            yield part
            part, held = [], 0
    if part:
        yield part


def _size(sample: Sample) -> int:
    return (
        len(sample.key or b"")
        + len(sample.value or b"")
        + sum(len(v or "") for _, v in sample.headers)
    )
