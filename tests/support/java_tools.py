"""Apache Kafka's own command line tools, unchanged, pointed at a broker.

A JVM that starts cold costs two seconds, so the classes that tools share are kept in an archive
(JEP 310) beside the jars, to go with them; a JVM that cannot use the archive starts without it.
"""

import contextlib
import os
import subprocess
import uuid
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from tests.support import tools

QUICK_START = ("-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", "-Xshare:auto", "-Xlog:disable")
SILENT = "-Dorg.apache.logging.log4j.level=OFF"
TIMEOUT_S = 50.0
AT_ONCE = 3
"""Tools of one `run_all` that run side by side."""

ARCHIVE = tools.kafka_libs() / "kafka-tools.jsa"

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
        """Calls that do not depend on each other, side by side."""
        with ThreadPoolExecutor(AT_ONCE) as pool:
            return list(pool.map(self.answer, calls))

    def answer(self, wanted: Call, option: str = f"-XX:SharedArchiveFile={ARCHIVE}") -> Answer:
        where = [wanted.bootstrap_flag, self.bootstrap] if wanted.bootstrap_flag else []
        arguments = [one.replace("{bootstrap}", self.bootstrap) for one in wanted.arguments]
        java = tools.java_kafka(*QUICK_START, SILENT, option)
        done = subprocess.run(
            [*java, _class_of(wanted.tool), *where, *arguments],
            input=wanted.stdin,
            capture_output=True,
            text=True,
            timeout=TIMEOUT_S,
            check=False,
        )
        return Answer(done.returncode, done.stdout, done.stderr)


def java_tools(bootstrap: str) -> JavaTools:
    """Tools for the broker at `bootstrap`, which must be there already."""
    made = JavaTools(bootstrap)
    if not ARCHIVE.exists():
        ARCHIVE.parent.mkdir(exist_ok=True)
        new = ARCHIVE.with_name(f"{ARCHIVE.name}.{uuid.uuid4().hex}")
        made.answer(call("TopicCommand", "--list"), f"-XX:ArchiveClassesAtExit={new}")
        with contextlib.suppress(FileNotFoundError):  # a JVM that makes no archives
            os.replace(new, ARCHIVE)
    return made


def _class_of(tool: str) -> str:
    return _ELSEWHERE.get(tool, _TOOLS) + tool
