"""The clean plate: what the camera saw behind the dancer."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from inference.arrays import Keypoints, Labels, Rgb
from inference.skeleton import MIN_SCORE, body_scale

FRAMES = 45
"""Frames that are looked at: more add little."""
LEAST = 3
"""A pixel is known where at least so many frames show it."""
MARGIN = 0.02
"""Grown around the dancer, as a share of the picture's longer side: masks miss hair and shoes."""
FOOT, SOLE = 0.07, 0.05
"""Around a place so far below each ankle, in body heights: masks lose soles now and then, and feet
hardly move."""
_ANKLES = [15, 16]
SMOOTHINGS = 8
"""Of each level of what is filled in."""
LIGHT_REDUCTION = 8
"""The light is measured in pictures so many times smaller."""
LEAST_LIT = 64
"""Pixels of such a picture without which nothing is said of the light."""
_HIDDEN = 0xFFFF
_STRIP = 128


def clean_plate(
    frames: Sequence[Rgb], labels: Sequence[Labels], keypoints: Sequence[Keypoints]
) -> Rgb:
    """The per-pixel median of frames `[H, W, 3]` where their label maps say nobody.

    `keypoints`: the dancer's of each frame. Where the dancer always stood, the surroundings are
    continued.
    """
    height, width = frames[0].shape[:2]
    radius = max(2, round(MARGIN * max(height, width)))
    kernel = np.ones((2 * radius + 1, 2 * radius + 1), np.uint8)
    hidden = [
        cv2.dilate(_somebody(one, points), kernel) > 0
        for one, points in zip(labels, keypoints, strict=True)
    ]
    plate = np.empty((height, width, 3), np.uint8)
    known = np.empty((height, width), np.bool_)
    for top in range(0, height, _STRIP):
        rows = np.s_[top : top + _STRIP]
        plate[rows], known[rows] = _median(
            np.stack([frame[rows] for frame in frames]), np.stack([one[rows] for one in hidden])
        )
    return plate if known.all() else filled(plate, known)


def _somebody(labels: Labels, keypoints: Keypoints) -> NDArray[np.uint8]:
    """1 where the dancer is, with whole feet."""
    there = (labels > 0).astype(np.uint8)
    scale = body_scale(keypoints)
    for x, y, score in keypoints[_ANKLES].tolist():
        if score >= MIN_SCORE:
            cv2.circle(there, (round(x), round(y + SOLE * scale)), round(FOOT * scale), 1, -1)
    return there


def _median(
    frames: NDArray[np.uint8], hidden: NDArray[np.bool_]
) -> tuple[NDArray[np.uint8], NDArray[np.bool_]]:
    """Median over `[frames, H, W, 3]` of what is not hidden, and where enough is known."""
    values = np.where(hidden[..., None], np.uint16(_HIDDEN), frames.astype(np.uint16))
    values.sort(axis=0)
    counts = (~hidden).sum(axis=0)
    middle = np.maximum(counts - 1, 0) // 2
    chosen = np.take_along_axis(values, middle[None, ..., None], axis=0)[0]
    return np.where(chosen == _HIDDEN, 0, chosen).astype(np.uint8), counts >= LEAST


def filled(picture: Rgb, known: NDArray[np.bool_]) -> Rgb:
    """What is not known, continued from around it: coarse to fine, each level from the next.

    A pull-push pyramid (Gortler et al., "The Lumigraph", SIGGRAPH 1996, section 3.4), smoothed on
    each level towards the membrane that its rim spans.
    """
    if not known.any():
        return np.full_like(picture, 127)
    colours = np.asarray(picture, np.float32)
    weight = np.asarray(known, np.float32)
    return np.asarray(_pulled(colours, weight).round().clip(0, 255), np.uint8)


def _pulled(colours: NDArray[np.float32], weight: NDArray[np.float32]) -> NDArray[np.float32]:
    if weight.all() or min(weight.shape) < 2:
        return colours
    height, width = weight.shape
    half = ((width + 1) // 2, (height + 1) // 2)
    share = np.asarray(cv2.resize(weight, half, interpolation=cv2.INTER_AREA), np.float32)
    mean = cv2.resize(colours * weight[..., None], half, interpolation=cv2.INTER_AREA)
    means = np.asarray(mean / np.maximum(share, 1e-6)[..., None], np.float32)
    below = _pulled(means, np.asarray(share > 1e-6, np.float32))
    raised = cv2.resize(below, (width, height), interpolation=cv2.INTER_LINEAR)
    unknown = weight[..., None] == 0
    whole = np.where(unknown, np.asarray(raised, np.float32), colours)
    for _ in range(SMOOTHINGS):
        mean = np.asarray(cv2.blur(whole, (3, 3)), np.float32)
        whole = np.where(unknown, mean, whole)
    return np.asarray(whole, np.float32)


def light(frame: Rgb, plate: Rgb, labels: Labels) -> NDArray[np.float32]:
    """How many times brighter a frame is than the plate, `[3]` per colour, seen where nobody is.

    Lamps, clouds and automatic exposure: by it a frame is brought to the plate's light.
    """
    height, width = labels.shape
    size = (max(1, width // LIGHT_REDUCTION), max(1, height // LIGHT_REDUCTION))
    somebody = cv2.resize((labels > 0).astype(np.uint8), size, interpolation=cv2.INTER_AREA)
    there = np.asarray(cv2.dilate(somebody, np.ones((3, 3), np.uint8))) == 0
    if there.sum() < LEAST_LIT:
        return np.ones(3, np.float32)
    small, behind = (
        np.asarray(cv2.resize(one, size, interpolation=cv2.INTER_AREA), np.float32)[there]
        for one in (frame, plate)
    )
    ratio = np.median((small + 8) / (behind + 8), axis=0)
    return np.asarray(ratio.clip(0.5, 2.0), np.float32)


def lit(rgb: Rgb, gain: NDArray[np.float32]) -> Rgb:
    """A picture divided by the light of its frame."""
    if np.abs(gain - 1).max() < 0.01:
        return rgb
    return np.asarray((rgb / gain).round().clip(0, 255), np.uint8)
