"""A dancer cut out of a frame so that neither wall nor arm comes along: alpha, clean rims, and what
an arm before the body hides."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from inference.arrays import Keypoints, Labels, Rgb
from inference.skeleton import MIN_SCORE
from transfer.target.pieces import BONES, PIECE_OF_LABEL, Piece

HIDDEN = 200
"""Label of pixels of trunk, head or thigh where an arm may lie: part maps overlook arms there."""
ARM_WIDTH = 0.055
"""Of a forearm that hides what is behind it, in body heights (so are all lengths here)..."""
ARM_FROM, HAND_LENGTH = 0.25, 0.10
"""...from this share of the way from the elbow to the wrist, and so far beyond it."""
RIM = 0.014
"""So far inwards a mask's edge is refined."""
WALL = 0.006
"""So far inwards the wall shines through."""
SOFTNESS = 0.9
"""Of a silhouette's edge, pixels."""
NOISY = 14.0
"""Where frame and plate differ so much outside the dancer, they say nothing of the rim."""
LEAST_DIFFERENCE, SURE_DIFFERENCE = 6.0, 22.0
"""From the plate: less is wall; a dancer's colour that differs by less says nothing of the rim."""
FAR = 70.0
"""So far from the plate a pixel is the dancer's, whatever is beside it: a hand beside a sleeve."""
LITTLE, CERTAIN, MIXED = 0.2, 0.85, 0.7
"""A pixel that is the dancer's by less than this share is none of theirs; by so much, it is wholly;
below the third, its colour is taken from further inside."""
LEAST_GAP, MOST_GAPS = 4e-4, 0.3
"""A gap within the mask, in squared body heights; if gaps make up more of the mask than this, the
clothes have the wall's colour."""

Mask = NDArray[np.uint8]


def without_arms(labels: Labels, keypoints: Keypoints, scale: float) -> Labels:
    """The label map with `HIDDEN` where a forearm or hand lies over trunk, head or thighs.

    `keypoints`: in pixels of `labels`; `scale`: the body's height there.
    """
    arms = np.zeros(labels.shape, np.uint8)
    for piece in (Piece.LEFT_FOREARM, Piece.RIGHT_FOREARM):
        elbow, wrist = keypoints[list(BONES[piece])]
        if min(elbow[2], wrist[2]) < MIN_SCORE:
            continue
        along = wrist[:2] - elbow[:2]
        beyond = min(1.0, HAND_LENGTH * scale / max(float(np.hypot(*along)), 1.0))
        first, last = elbow[:2] + ARM_FROM * along, wrist[:2] + beyond * along
        start, end = ((round(float(x)), round(float(y))) for x, y in (first, last))
        cv2.line(arms, start, end, 1, max(2, round(ARM_WIDTH * scale)))
    return np.where((arms > 0) & _BEHIND[labels], np.uint8(HIDDEN), labels)


_BEHIND = np.isin(PIECE_OF_LABEL, [Piece.HEAD, Piece.TRUNK, Piece.LEFT_THIGH, Piece.RIGHT_THIGH])


def cut_out(rgb: Rgb, plate: Rgb, labels: Labels, scale: float) -> tuple[Rgb, Mask]:
    """Colours and alpha, 0..255, of the dancer: at the mask's edge, what looks like the plate is
    none of them, and what is mixed with it takes the colour from further inside.

    `rgb`: in the plate's light.
    """
    mask = (labels > 0).astype(np.uint8)
    radius = max(2, round(RIM * scale))
    square = np.ones((2 * radius + 1, 2 * radius + 1), np.uint8)
    difference = cv2.absdiff(rgb, plate).max(axis=2)
    outside = np.asarray(cv2.dilate(mask, square)) == 0
    noise = float(np.median(difference[outside])) if outside.sum() > 50 else 4.0
    least = max(LEAST_DIFFERENCE, 2 * noise)
    believed = noise <= NOISY
    if believed:
        # Masks are loose: first what is wall goes, then the edge that is left is refined.
        like = np.asarray(cv2.blur(difference, (5, 5))) < least
        gaps = _gaps(like, mask, np.asarray(cv2.erode(mask, square)) > 0, scale)
        if gaps.sum() <= MOST_GAPS * mask.sum():
            mask[gaps] = 0
    soft = np.asarray(cv2.GaussianBlur(mask * 255, (0, 0), SOFTNESS), np.uint8)
    inner = np.asarray(cv2.erode(mask, square), np.uint8)
    if not inner.any():
        return rgb, soft
    if not believed:
        return _spread(rgb, mask, max(1, round(WALL * scale)), inner), soft
    own = _spread(rgb, mask, radius, inner)
    alpha = _share(rgb, own, plate, least)
    alpha[inner > 0] = 1
    mixed = ((alpha - MIXED) / (1 - MIXED)).clip(0, 1)[..., None]
    colours = own + (rgb.astype(np.float32) - own) * mixed
    return colours.round().astype(np.uint8), (soft * alpha).astype(np.uint8)


def _share(rgb: Rgb, own: Rgb, plate: Rgb, least: float) -> NDArray[np.float32]:
    """How much of each pixel is the dancer, 0..1: its distance from the plate, as a share of how
    far the dancer's own colour is from it; 1 where that is near."""
    behind = plate.astype(np.float32)
    apart = np.linalg.norm(own - behind, axis=2)
    blurred = np.asarray(cv2.blur(rgb, (3, 3)), np.float32)
    away = np.linalg.norm(blurred - behind, axis=2) - least
    share = away / (CERTAIN * (apart - least)).clip(1, FAR)
    unlike = (apart > SURE_DIFFERENCE + 2 * least).astype(np.float32)
    return np.asarray(1 - unlike * (1 - ((share - LITTLE) / (1 - LITTLE)).clip(0, 1)), np.float32)


def _spread(rgb: Rgb, mask: Mask, radius: int, fallback: Mask) -> Rgb:
    """The colours further inside than `radius` continued over the mask's edge and beyond.

    From the mask's own edge, not from the matte's: dark hair before a dark wall would lose its
    face. `fallback`: where nothing is so far inside.
    """
    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * radius + 1, 2 * radius + 1))
    inner = np.asarray(cv2.erode(mask, disc), np.uint8)
    if not inner.any():
        inner = fallback
    _, nearest = cv2.distanceTransformWithLabels(
        1 - inner, cv2.DIST_L2, 3, labelType=cv2.DIST_LABEL_PIXEL
    )
    nearest = np.asarray(nearest)
    place = np.zeros(int(nearest.max()) + 1, np.int64)
    inside = np.flatnonzero(inner)
    place[nearest.ravel()[inside]] = inside
    spread = rgb.reshape(-1, 3)[place[nearest]]
    smooth = cv2.GaussianBlur(spread, (0, 0), max(0.8, radius / 2))
    return np.where(inner[..., None] > 0, rgb, smooth).astype(np.uint8)


def _gaps(
    like_plate: NDArray[np.bool_], mask: Mask, inner: NDArray[np.bool_], scale: float
) -> NDArray[np.bool_]:
    """What a mask has filled, as between an arm and the body: hangs together, looks like the plate,
    and begins at the edge or is large."""
    like = (like_plate & (mask > 0)).astype(np.uint8)
    count, pieces, measured, _ = cv2.connectedComponentsWithStats(like)
    pieces = np.asarray(pieces)
    areas = np.asarray(measured)[:, cv2.CC_STAT_AREA]
    gone = areas > LEAST_GAP * scale**2
    touching = np.bincount(pieces[(mask > 0) & ~inner], minlength=count) > 0
    gone |= touching & (areas > 8)
    gone[0] = False
    return np.asarray(gone[pieces])
