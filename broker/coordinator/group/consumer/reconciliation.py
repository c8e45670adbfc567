"""How a member of a KIP-848 group gets from what it owns to what it shall own.

    STABLE                 owns its target
    UNREVOKED_PARTITIONS   must give something up first; its epoch stands still until it has
    UNRELEASED_PARTITIONS  is at the new epoch, waits for partitions that others still hold
A partition is never given to a member while another one holds it, assigned or not yet given up.
"""

from collections.abc import Mapping

from broker.coordinator.group.consumer.group import MemberState, Ownership
from broker.coordinator.group.partitions import Partition, Partitions


def reconcile(
    member_id: str,
    owns: Ownership,
    *,
    target: Partitions,
    target_epoch: int,
    reported: Partitions | None,
    owners: Mapping[Partition, str],
) -> Ownership:
    """The member's next step. `reported` is what it says it owns; None: it did not say."""
    if owns.state is MemberState.UNREVOKED_PARTITIONS:
        if reported is None or reported & owns.revoking:
            return owns
    elif owns.state is MemberState.STABLE and owns.epoch == target_epoch:
        return owns
    kept = owns.assigned & target
    to_revoke = owns.assigned - target
    if to_revoke and (reported is None or reported & to_revoke):
        return Ownership(
            epoch=owns.epoch,
            previous_epoch=owns.epoch,
            state=MemberState.UNREVOKED_PARTITIONS,
            assigned=kept,
            revoking=to_revoke,
        )
    missing = target - kept
    free = frozenset(p for p in missing if owners.get(p, member_id) == member_id)
    waits = len(free) < len(missing)
    return Ownership(
        epoch=target_epoch,
        previous_epoch=owns.epoch,
        state=MemberState.UNRELEASED_PARTITIONS if waits else MemberState.STABLE,
        assigned=kept | free,
        revoking=frozenset(),
    )
