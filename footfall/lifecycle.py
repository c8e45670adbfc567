"""What becomes of a child process that ended: pure decisions, no processes and no clock.

A child that dies is started again after a wait that doubles with each death in a row, spread by
jitter so that several children do not come back in step; so does the time its start may take. A
child that lived for `steady_seconds` is forgiven. Exit code 78 (settings cannot be used) is never
retried: nothing would change.
"""

from dataclasses import dataclass, replace
from enum import StrEnum

from footfall.settings import EXIT_CONFIG

CRASH_LOOP_DEATHS = 3
"""Deaths in a row from which the supervisor calls it a crash loop."""
PATIENCE_DOUBLINGS_MAX = 4
"""A start may take up to 16 times as long as the settings say."""


class ChildState(StrEnum):
    """What a role's process is doing, as `footfall up` tells it."""

    STARTING = "starting"
    READY = "ready"
    WAITING = "waiting"  # died, will be started again
    STOPPED = "stopped"
    UNUSABLE = "unusable"  # its settings cannot be used


@dataclass(frozen=True, slots=True)
class RestartPolicy:
    """Times in seconds."""

    first_seconds: float
    most_seconds: float
    steady_seconds: float
    jitter_share: float = 0.25  # of the wait, either way


@dataclass(frozen=True, slots=True)
class ChildHistory:
    """What the supervisor remembers of one child. Times in seconds of a monotonic clock."""

    state: ChildState = ChildState.STOPPED
    started_at: float = 0.0
    deaths_in_a_row: int = 0
    restarts: int = 0

    @property
    def in_crash_loop(self) -> bool:
        return self.deaths_in_a_row >= CRASH_LOOP_DEATHS


def started(history: ChildHistory, now: float) -> ChildHistory:
    return replace(history, state=ChildState.STARTING, started_at=now)


def ready(history: ChildHistory) -> ChildHistory:
    return replace(history, state=ChildState.READY)


def stopped(history: ChildHistory) -> ChildHistory:
    return replace(history, state=ChildState.STOPPED)


@dataclass(frozen=True, slots=True)
class Verdict:
    """What to do after a death: wait so long, or give up when `wait_seconds` is None."""

    history: ChildHistory
    wait_seconds: float | None


def died(
    history: ChildHistory, exit_code: int, now: float, policy: RestartPolicy, luck: float
) -> Verdict:
    """`exit_code` is negative for a signal; `luck` in [0, 1) is the jitter's random number."""
    if exit_code == EXIT_CONFIG:
        return Verdict(replace(history, state=ChildState.UNUSABLE), None)
    steady = now - history.started_at >= policy.steady_seconds
    deaths = 1 if steady else history.deaths_in_a_row + 1
    after = replace(
        history,
        state=ChildState.WAITING,
        deaths_in_a_row=deaths,
        restarts=history.restarts + 1,
    )
    return Verdict(after, restart_wait(deaths, policy, luck))


def start_limit(history: ChildHistory, seconds: float) -> float:
    """How long this start may take: `seconds` for the first, twice as long after each death.

    On a machine so full that a start takes longer than `seconds`, killing it would be for ever.
    """
    return float(seconds * 2 ** min(history.deaths_in_a_row, PATIENCE_DOUBLINGS_MAX))


def restart_wait(deaths_in_a_row: int, policy: RestartPolicy, luck: float) -> float:
    """Seconds to wait after so many deaths in a row (at least one); never above `most_seconds`."""
    doublings = min(deaths_in_a_row - 1, 62)  # beyond, the float would only grow for nothing
    wait = min(policy.first_seconds * 2.0**doublings, policy.most_seconds)
    spread = wait * policy.jitter_share * (2 * luck - 1)
    return min(wait + spread, policy.most_seconds)
