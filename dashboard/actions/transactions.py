"""Ending a transaction that is open, and with it who has it."""

from dashboard.actions import wishes
from dashboard.actions.perform import ASK_S, Outcome, Scene
from dashboard.text import plural
from tracker.kafka.changes import Refused

ENDABLE = "Ongoing"  # the others are being ended by their coordinator


def end_transaction(scene: Scene, wish: wishes.EndTransaction) -> Outcome:
    if scene.transactions is None:
        raise Refused("this cluster does not list its transactions")
    name = wish.transactional_id
    listed = scene.transactions.transactions(ASK_S)
    found = next((one for one in listed if one.transactional_id == name), None)
    if found is None or found.state != ENDABLE:
        state = f"is in the state {found.state}" if found is not None else "is not there"
        raise Refused(f"no transaction of {name} is open: it {state}")
    rows = tuple({"topic": place.topic, "partition": place.partition} for place in found.places)
    many = plural(len(rows), "partition")
    if wish.dry_run:
        said = f"What {name} has written to {many} since it began would be aborted"
        return Outcome(f"{said}, and its producer {found.producer_id} fenced.", False, rows)
    scene.transactions.end_transaction(name)
    return Outcome(f"The transaction of {name} is aborted in {many}.", True, rows)
