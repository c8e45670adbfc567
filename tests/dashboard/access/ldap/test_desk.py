"""Sign-ins at a directory are few at once, and nobody waits for long."""

import asyncio
import threading

import pytest

from dashboard.access.ldap.answers import Away, Person
from dashboard.access.ldap.desk import AT_ONCE, Directory
from dashboard.access.ldap.line import Line
from dashboard.config import LdapConfig


class Slow:
    """A directory that answers nobody until it is told to."""

    def __init__(self) -> None:
        self.go_on = threading.Event()
        self.lines: list[Line] = []

    def ask(self, name: str, password: str, line: Line) -> Person | None:
        self.lines.append(line)
        self.go_on.wait(30)
        return None


async def test_who_waits_too_long_is_told_and_the_question_is_cut() -> None:
    slow = Slow()
    directory = Directory(LdapConfig(timeout_s=0.05), slow.ask)

    with pytest.raises(Away):
        await directory.person("ann", "word")
    cut = [line.is_cut for line in slow.lines]
    slow.go_on.set()
    directory.close()

    assert cut == [True]
    assert directory.outcomes["away"] == 1


async def test_few_are_asked_about_at_once_and_the_others_wait_no_longer_than_they() -> None:
    slow = Slow()
    directory = Directory(LdapConfig(timeout_s=0.05), slow.ask)

    asked = [directory.person(f"n{number}", "word") for number in range(3 * AT_ONCE)]
    ends = await asyncio.gather(*asked, return_exceptions=True)
    begun = len(slow.lines)
    slow.go_on.set()
    directory.close()

    assert [type(one) for one in ends] == [Away] * 3 * AT_ONCE
    assert begun == AT_ONCE


async def test_closing_cuts_what_is_under_way() -> None:
    slow = Slow()
    directory = Directory(LdapConfig(timeout_s=30), slow.ask)

    async with asyncio.TaskGroup() as tasks:
        question = tasks.create_task(directory.person("ann", "word"))
        while not slow.lines:
            await asyncio.sleep(0)
        directory.close()
        cut = [line.is_cut for line in slow.lines]
        slow.go_on.set()

    assert cut == [True]
    assert question.result() is None
