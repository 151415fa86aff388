from __future__ import annotations

import threading

from ingot.infer.slots import Slots


def test_a_request_goes_on_only_from_what_its_own_salt_left() -> None:
    slots = Slots(2)
    first, is_known = slots.take("a", [1, 2, 3], None) or (None, None)
    assert first is not None
    assert is_known is False
    slots.give_back(first)
    taken = [slots.take(salt, [1, 2, 3, 4], None) for salt in ("b", "a")]
    assert [one is not None and one[1] for one in taken] == [False, True]
    assert taken[1] is not None
    assert taken[1][0] is first


def test_conversations_keep_their_slots_as_long_as_others_will_do() -> None:
    slots = Slots(3)
    for salt in ("a", "b", None):
        taken = slots.take(salt, [7], None)
        assert taken is not None
        slots.give_back(taken[0])
    anonymous = slots.take(None, [7], None)
    newcomer = slots.take("c", [7], None)
    assert anonymous is not None
    assert newcomer is not None
    assert (anonymous[0].number, newcomer[0].number) == (2, 0), "the one nobody can use, then the oldest"
    assert not anonymous[1]


def test_a_slot_with_a_longer_common_beginning_is_preferred() -> None:
    slots = Slots(2)
    held = [slots.take("a", ids, None) for ids in ([1, 2, 9], [1, 5])]
    for taken in held:
        assert taken is not None
        slots.give_back(taken[0])
    chosen = slots.take("a", [1, 2, 3], None)
    assert chosen is not None
    assert chosen[0].number == 0


def test_waiting_ends_when_a_slot_is_given_back_or_nobody_waits_any_more() -> None:
    slots = Slots(1)
    taken = slots.take("a", [1], None)
    assert taken is not None
    assert slots.take("b", [1], lambda: True) is None
    found: list[int] = []

    def wait() -> None:
        next_one = slots.take("b", [1], lambda: False)
        assert next_one is not None
        found.append(next_one[0].number)

    thread = threading.Thread(target=wait)
    thread.start()
    slots.give_back(taken[0])
    thread.join()
    assert found == [0]
