"""Apache Kafka's own command line tools, unchanged, pointed at a broker.

A JVM that starts cold costs two seconds, so the tools of one test process run in one JVM, one after
another (tests/wire/apache-kafka/ToolServer.java).
"""

import atexit
import base64
import subprocess
import threading
from dataclasses import dataclass
from functools import cache

from tests.support import tools

QUICK_START = ("-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", "-Xshare:auto", "-Xlog:disable")
SILENT = "-Dorg.apache.logging.log4j.level=OFF"
SERVER = tools.ROOT / "tests" / "wire" / "apache-kafka" / "ToolServer.java"
TIMEOUT_S = 100.0
"""A tool that takes longer hangs; the machine may be full."""

_TOOLS = "org.apache.kafka.tools."
_ELSEWHERE = {
    "ConfigCommand": "kafka.admin.",
    "DumpLogSegments": "kafka.tools.",
    "ConsumerGroupCommand": f"{_TOOLS}consumer.group.",
    "ShareGroupCommand": f"{_TOOLS}consumer.group.",
    "StreamsGroupCommand": f"{_TOOLS}streams.",
    "ConsoleConsumer": f"{_TOOLS}consumer.",
    "ConsoleShareConsumer": f"{_TOOLS}consumer.",
    "ReassignPartitionsCommand": f"{_TOOLS}reassign.",
}

_ALONE = {"VerifiableProducer"}
"""Ends its work in a shutdown hook of the JVM itself, so it needs one of its own."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What a tool wrote, and its exit code."""

    code: int
    out: str
    errors: str

    @property
    def lines(self) -> list[str]:
        """Lines of `out` that are not empty, runs of blanks made one."""
        return [" ".join(line.split()) for line in self.out.splitlines() if line.strip()]


@dataclass(frozen=True, slots=True)
class Call:
    """One use of a tool; `{bootstrap}` in an argument becomes the broker's address."""

    tool: str
    arguments: tuple[str, ...]
    stdin: str = ""
    bootstrap_flag: str = "--bootstrap-server"


def call(tool: str, line: str = "", *more: str, stdin: str = "") -> Call:
    """A call whose arguments are the words of `line`, then `more` as they are."""
    return Call(tool, (*line.split(), *more), stdin)


def plain(tool: str, line: str) -> Call:
    """A call of a tool that takes no --bootstrap-server of its own before its arguments."""
    return Call(tool, tuple(line.split()), bootstrap_flag="")


@dataclass(frozen=True, slots=True)
class JavaTools:
    """Runs tools on the broker at `bootstrap`."""

    bootstrap: str

    def run(self, tool: str, line: str = "", *more: str, stdin: str = "") -> Answer:
        return self.answer(call(tool, line, *more, stdin=stdin))

    def succeeds(self, tool: str, line: str = "", *more: str, stdin: str = "") -> list[str]:
        """Lines of a call that has to end with code 0."""
        answer = self.run(tool, line, *more, stdin=stdin)
        assert answer.code == 0, answer
        return answer.lines

    def run_all(self, *calls: Call) -> list[Answer]:
        """Calls that do not depend on each other."""
        return [self.answer(one) for one in calls]

    def answer(self, wanted: Call) -> Answer:
        where = [wanted.bootstrap_flag, self.bootstrap] if wanted.bootstrap_flag else []
        arguments = [one.replace("{bootstrap}", self.bootstrap) for one in wanted.arguments]
        name = _ELSEWHERE.get(wanted.tool, _TOOLS) + wanted.tool
        if wanted.tool in _ALONE:
            return _alone(name, wanted.stdin, *where, *arguments)
        return _jvm().answer(name, wanted.stdin, *where, *arguments)


def _alone(name: str, stdin: str, *arguments: str) -> Answer:
    done = subprocess.run(
        [*tools.java_kafka(*QUICK_START, SILENT), name, *arguments],
        input=stdin,
        capture_output=True,
        text=True,
        timeout=TIMEOUT_S,
        check=False,
    )
    return Answer(done.returncode, done.stdout, done.stderr)


class _Jvm:
    """The JVM in which the tools of this test process run; ends with its standard input."""

    def __init__(self) -> None:
        tools.javac()  # it compiles the server itself
        self._process = subprocess.Popen(
            [*tools.java_kafka(*QUICK_START, SILENT), str(SERVER)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def answer(self, *words: str) -> Answer:
        assert self._process.stdin is not None and self._process.stdout is not None
        line = " ".join(f"={base64.b64encode(word.encode()).decode()}" for word in words)
        hangs = threading.Timer(TIMEOUT_S, self._process.kill)
        hangs.start()
        try:
            self._process.stdin.write(f"{line}\n")
            self._process.stdin.flush()
            told = self._process.stdout.readline().split()
        finally:
            hangs.cancel()
        assert told, f"the JVM ended, or {words} took longer than {TIMEOUT_S} s"
        out, errors = (base64.b64decode(part[1:]).decode() for part in told[1:])
        return Answer(int(told[0]), out, errors)

    def close(self) -> None:
        self._process.kill()
        self._process.communicate()


@cache
def _jvm() -> _Jvm:
    made = _Jvm()
    atexit.register(made.close)
    return made


def java_tools(bootstrap: str) -> JavaTools:
    """Tools for the broker at `bootstrap`; skips where Apache Kafka's jars are not there."""
    tools.java_kafka()
    return JavaTools(bootstrap)
