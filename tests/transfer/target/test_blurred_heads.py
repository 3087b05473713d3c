"""Blurred heads, made of the juggler's sharp ones."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from inference.arrays import Rgb
from inference.body import FACE_LABELS
from transfer.target import blurred_heads as blurred_heads_module
from transfer.target.blurred_heads import BLURRED, blurred_heads, head_sharpness
from transfer.target.frame_filter import BLUR, FrameCheck
from transfer.target.target import Target

SPOILT = [*range(20, 30), 77]


def blurred(rgb: Rgb, pixels: float) -> Rgb:
    return np.asarray(cv2.GaussianBlur(rgb, (0, 0), pixels), np.uint8)


def test_blurred_ones_are_found_and_no_others(target: Target) -> None:
    sharpness = np.array(
        [
            head_sharpness(
                blurred(target.frame(n), 6) if n in SPOILT else target.frame(n), target.labels(n)
            )
            for n in range(len(target.pairs))
        ]
    )
    there = [n for n in SPOILT if not np.isnan(sharpness[n])]
    assert len(there) > 8
    assert blurred_heads(sharpness, target.keypoints).tolist() == there


def test_more_blur_is_less_sharp_and_size_does_not_matter(target: Target) -> None:
    rgb, labels = target.frame(0), target.labels(0)
    values = [head_sharpness(blurred(rgb, pixels), labels) for pixels in (0.5, 2, 4, 8)]
    assert values == sorted(values, reverse=True)
    larger = cv2.resize(rgb, None, fx=2, fy=2, interpolation=cv2.INTER_CUBIC)
    twice = cv2.resize(labels, None, fx=2, fy=2, interpolation=cv2.INTER_NEAREST)
    large = head_sharpness(np.asarray(larger, np.uint8), np.asarray(twice, np.uint8))
    assert large == pytest.approx(head_sharpness(rgb, labels), rel=0.15)


def test_hair_seen_from_behind_is_not_blurred() -> None:
    """Half of the frames are turned away, and smooth: they are alike among themselves."""
    keypoints = np.zeros((80, 17, 3), np.float32)
    keypoints[:, :, 2] = 0.9
    keypoints[:, 5:, 1] = np.linspace(30, 200, 12)
    keypoints[:40, :5, 0] = (0, -5, 5, -10, 10)
    keypoints[40:, :5, 0] = (0, 5, -5, 10, -10)
    sharpness = np.where(np.arange(80) < 40, 20.0, 6.0)
    assert blurred_heads(sharpness, keypoints).size == 0
    sharpness[[3, 50]] *= 0.9 * BLURRED
    assert blurred_heads(sharpness, keypoints).tolist() == [3, 50]


def test_without_a_head_there_is_nothing_to_say(target: Target) -> None:
    assert np.isnan(head_sharpness(target.frame(0), np.zeros_like(target.labels(0))))
    nothing = np.full(len(target.pairs), np.nan)
    assert blurred_heads(nothing, target.keypoints).size == 0


def test_such_frames_are_left_out(target: Target) -> None:
    check = FrameCheck(target.plate)
    for n in range(len(target.pairs)):
        rgb, labels = target.frame(n).copy(), target.labels(n)
        if n in SPOILT:
            head = np.isin(labels, FACE_LABELS)
            rgb[head] = blurred(rgb, 6)[head]
        check.add(rgb, labels)
    count = len(target.pairs)
    usable = check.usable([[]] * count, target.seconds, target.keypoints)
    assert sum(usable.reasons.get(n) == BLUR for n in SPOILT) >= 8


def test_of_a_long_clip_some_frames_are_compared(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(blurred_heads_module, "MOST", 50)
    keypoints = np.zeros((180, 17, 3), np.float32)
    keypoints[:, 5:, 1] = np.linspace(30, 200, 12)
    sharpness = np.full(180, 10.0)
    sharpness[[7, 111]] = 5.0
    assert blurred_heads(sharpness, keypoints).tolist() == [7, 111]
