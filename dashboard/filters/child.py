"""The process in which expressions run: python -m dashboard.filters.child, a socket as stdin.

What an expression costs cannot be told from its text, so it runs where it can be killed: each
question has one second of processor time, the whole process little memory, and neither the pages
nor the event loop are in it. It ends when the dashboard does, or when nobody asks for a minute.
"""

import gc
import resource
import signal
import socket
import sys
from collections import Counter, OrderedDict
from typing import Final

import msgspec

from dashboard.filters.cel import Test, Untested, Unusable, compiled
from dashboard.filters.wire import CPU_S, NO_MEMORY, Answer, Question, receive, send

MEMORY_BYTES: Final = 536_870_912
IDLE_S: Final = 60.0
KEPT: Final = 16  # expressions, compiled
REASONS_MAX: Final = 8


class Tester:
    """Answers questions; remembers what it compiled last."""

    def __init__(self) -> None:
        self._tests: OrderedDict[str, Test] = OrderedDict()

    def answer(self, question: Question) -> Answer:
        try:
            test = self._test(question.expression)
        except Unusable as error:
            return Answer(refusal=str(error))
        fitting: list[bool] = []
        untested: Counter[str] = Counter()
        for sample in question.samples:
            try:
                fitting.append(test(sample))
            except Untested as error:
                fitting.append(False)
                untested[str(error)] += 1
        return Answer(fitting, _most(untested))

    def _test(self, expression: str) -> Test:
        if expression not in self._tests:
            self._tests[expression] = compiled(expression)
            if len(self._tests) > KEPT:
                self._tests.popitem(last=False)
        self._tests.move_to_end(expression)
        return self._tests[expression]


def _most(untested: Counter[str]) -> dict[str, int]:
    """The reasons that were met most, and the rest as one."""
    told = dict(untested.most_common(REASONS_MAX))
    if rest := untested.total() - sum(told.values()):
        told["other reasons"] = rest
    return told


def serve(asked: socket.socket, idle_s: float = IDLE_S) -> None:
    """Until nobody asks any more; SIGPROF, not handled, ends what takes too long."""
    tester = Tester()
    asked.settimeout(idle_s)
    while True:
        try:
            question = msgspec.msgpack.decode(receive(asked), type=Question)
        except (EOFError, OSError):
            return
        signal.setitimer(signal.ITIMER_PROF, CPU_S)
        answer = tester.answer(question)
        signal.setitimer(signal.ITIMER_PROF, 0.0)
        send(asked, answer)


def main() -> None:
    """With little memory, no files to leave behind, and deaf to Ctrl-C: the dashboard ends it."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    gc.freeze()
    with socket.socket(fileno=sys.stdin.fileno()) as asked:
        try:
            serve(asked)
        except MemoryError:
            sys.exit(NO_MEMORY)


if __name__ == "__main__":
    main()
