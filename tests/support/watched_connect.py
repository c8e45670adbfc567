"""A dashboard that has looked at Connect workers."""

from pathlib import Path
from typing import Final

from dashboard.state import State
from tests.support.made_dashboard import busy_cluster, made_state

GONE: Final = "http://127.0.0.1:1"  # nobody is there


async def looked(tmp_path: Path, *urls: str) -> State:
    """Once at the cluster and at each worker."""
    state = made_state(tmp_path, busy_cluster(), connect_urls=urls)
    await state.poller(None).look()
    await again(state)
    return state


async def again(state: State) -> None:
    """At each worker; what was remembered is asked anew."""
    state.beside["local"].connect.forget()
    await state.beside["local"].connect.watch.look()
