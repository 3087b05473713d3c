"""Batches: the same again from any place, whole ones and windows on the dancer."""

from __future__ import annotations

import threading
from dataclasses import fields
from itertools import islice

import numpy as np
import pytest
import torch

from training.performer.batches import WHOLE_EVERY, batches, window
from training.performer.data import PLAIN, Augment, Example, TransferData

Data = tuple[TransferData, TransferData]


def test_batches_are_the_same_again_and_go_on_from_any_place(data: Data) -> None:
    learnt, _ = data
    first = batches(learnt, 2, Augment(), seed=1)
    made = [next(first) for _ in range(3)]
    first.close()
    again = batches(learnt, 2, Augment(), seed=1, first=2)
    assert torch.equal(next(again)[0].rgb, made[2][0].rgb)
    again.close()


def test_most_steps_see_windows_and_processes_agree_which(data: Data) -> None:
    learnt, _ = data
    alone = batches(learnt, 8, Augment(), seed=1)
    shapes = [tuple(one.mask.shape) for [one] in islice(alone, 2 * WHOLE_EVERY)]
    alone.close()
    assert shapes == 2 * ([(8, 32, 32)] * (WHOLE_EVERY - 1) + [(2, 64, 64)])
    # Two processes that go on in the middle see what one with twice the batch does.
    begun = WHOLE_EVERY - 1
    [whole], [windows] = islice(batches(learnt, 8, Augment(), seed=1, first=begun), 2)
    halves = [
        list(islice(batches(learnt, 4, Augment(), seed=1, first=2 * begun + rank, every=2), 2))
        for rank in range(2)
    ]
    for number, both in enumerate((whole, windows)):
        parts = [steps[number][0].rgb for steps in halves]
        assert torch.equal(torch.cat(parts), both.rgb)


def test_for_a_gpu_the_threads_pin_all_of_a_batch(
    data: Data, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without a GPU PyTorch cannot pin: a copy stands in for the pinned memory."""
    pinned: list[torch.Tensor] = []

    def pin(tensor: torch.Tensor) -> torch.Tensor:
        assert threading.current_thread() is not threading.main_thread()
        pinned.append(tensor.clone())
        return pinned[-1]

    monkeypatch.setattr(torch.Tensor, "pin_memory", pin)
    learnt, _ = data
    for_gpu = batches(learnt, 2, Augment(), seed=1, pinned=True)
    [batch] = next(for_gpu)
    for_gpu.close()
    for field in fields(batch):
        assert any(getattr(batch, field.name) is one for one in pinned), field.name
    pinned.clear()
    plain = batches(learnt, 2, Augment(), seed=1)
    [same] = next(plain)
    plain.close()
    assert not pinned
    assert torch.equal(same.rgb, batch.rgb)


def test_a_window_is_a_piece_of_every_frame_with_the_dancer_in_it(data: Data) -> None:
    learnt, _ = data
    random = np.random.default_rng(0)
    frames = learnt.examples(5, Augment(before=True), random)
    for _ in range(50):
        cut = window(frames, random)
        assert cut[0].mask.any()
        top, left = piece(frames[0], cut[0])
        inside = slice(top, top + 32), slice(left, left + 32)
        for whole, part in zip(frames, cut, strict=True):
            for name in ("rgb", "parts", "mask", "limbs", "plate"):
                np.testing.assert_array_equal(getattr(part, name), getattr(whole, name)[inside])


def test_where_nobody_is_a_window_is_anywhere(data: Data) -> None:
    learnt, _ = data
    [one] = learnt.examples(5, PLAIN, np.random.default_rng(0))
    one.mask[:] = 0
    places = {piece(one, window([one], np.random.default_rng(seed))[0]) for seed in range(20)}
    assert len(places) > 5


def piece(whole: Example, part: Example) -> tuple[int, int]:
    """Where a window was cut out: its upper left corner."""
    places = [
        (top, left)
        for top in range(33)
        for left in range(33)
        if np.array_equal(whole.rgb[top : top + 32, left : left + 32], part.rgb)
    ]
    assert len(places) == 1
    return places[0]
