from broker.security.key_ring import KEY_ID_CHARACTERS_MAX, MISSED_MAX, MISSED_MS, KeyRing


def asked_for(*missed: tuple[str, float]) -> int:
    """How often keys were wanted anew after these (name, ms) were missed."""
    ring, wanted = KeyRing(), []
    ring.on_missed = lambda: wanted.append(1)
    for name, now_ms in missed:
        ring.missed(name, now_ms)
    return len(wanted)


def test_a_missed_key_is_asked_for_once_a_minute() -> None:
    assert asked_for(("a", 0), ("a", MISSED_MS - 1)) == 1
    assert asked_for(("a", 0), ("b", 1), ("a", MISSED_MS)) == 3


def test_names_made_up_by_clients_cost_a_bounded_number_of_questions() -> None:
    assert asked_for(*((f"made up {n}", float(n)) for n in range(100))) == MISSED_MAX
    assert asked_for(("x" * (KEY_ID_CHARACTERS_MAX + 1), 0)) == 0
