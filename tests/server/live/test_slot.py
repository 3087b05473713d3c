"""The newest-frame slot."""

import threading
import time

from server.live.slot import NewestSlot


def test_a_newer_item_replaces_an_older_one_and_is_counted():
    slot: NewestSlot[int] = NewestSlot()
    for item in range(5):
        slot.put(item)
    assert slot.take(0) == 4
    assert (slot.received, slot.dropped) == (5, 4)


def test_a_deeper_slot_gives_the_newest_few_in_their_order():
    slot: NewestSlot[int] = NewestSlot()
    slot.depth = 3
    for item in range(5):
        slot.put(item)
    slot.depth = 2
    slot.put(5)
    assert [slot.take(0) for _ in range(3)] == [4, 5, None]
    assert (slot.received, slot.dropped) == (6, 4)


def test_take_gives_none_after_its_timeout():
    slot: NewestSlot[int] = NewestSlot()
    began = time.monotonic()
    assert slot.take(0.05) is None
    assert time.monotonic() - began >= 0.05


def test_take_wakes_at_once_when_something_comes():
    slot: NewestSlot[str] = NewestSlot()
    threading.Timer(0.05, slot.put, ["now"]).start()
    began = time.monotonic()
    assert slot.take(5) == "now"
    assert time.monotonic() - began < 1


def test_close_wakes_whoever_waits_and_refuses_more():
    slot: NewestSlot[int] = NewestSlot()
    threading.Timer(0.05, slot.close).start()
    assert slot.take(5) is None
    slot.put(1)
    assert slot.take(0) is None
    assert slot.received == 0
