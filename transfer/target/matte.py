"""A dancer cut out of a frame so that neither wall nor arm comes along: alpha, clean rims, and what
an arm before the body hides."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from inference.arrays import Keypoints, Labels, Rgb
from inference.skeleton import MIN_SCORE
from transfer.target.pieces import BONES, LIMBS, PIECE_OF_LABEL, Piece

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
"""So far from the plate it is the dancer's, whatever is beside it: a hand beside a sleeve..."""
MIXTURE, NO_MIXTURE = 20.0, 50.0
"""...unless it is so near to a mixture of plate and dancer's own colour; farther, it is none."""
LITTLE, CERTAIN, MIXED = 0.2, 0.85, 0.7
"""A pixel that is the dancer's by less than this share is none of theirs; by so much, it is wholly;
below the third, its colour is taken from further inside."""
LEAST_GAP, MOST_GAPS = 4e-4, 0.3
"""A gap within the mask, in squared body heights; if gaps make up more of the mask than this, the
clothes have the wall's colour."""
SHADE, MOST_SHADED = 0.85, 0.08
"""Between two limbs the wall may be in the shade, of so much of its light; gaps at most, then."""
BETWEEN, SHOULDER = 0.03, 0.1
"""So near to both; but no nearer to a shoulder, where arm and body are one."""
_SHOULDERS = [5, 6]

Mask = NDArray[np.uint8]


_LIMB_TABLES = [
    np.isin(PIECE_OF_LABEL, some).astype(np.uint8)
    for some in ((Piece.HEAD, Piece.TRUNK), *LIMBS.values())
]
"""Of label ids: 1 where it belongs to the body, to the left arm, right arm, left leg, right leg."""


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


def cut_out(
    rgb: Rgb, plate: Rgb, labels: Labels, keypoints: Keypoints, scale: float
) -> tuple[Rgb, Mask]:
    """Colours and alpha, 0..255, of the dancer: at the mask's edge, what looks like the plate is
    none of them, and what is mixed with it takes the colour from further inside.

    `rgb`: in the plate's light; `keypoints`: in its pixels; `scale`: the body's height there.
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
        shaded = like | (_between_limbs(labels, keypoints, scale) & _shaded(rgb, plate, least))
        inner = np.asarray(cv2.erode(mask, square)) > 0
        for one, most in ((shaded, MOST_SHADED), (like, MOST_GAPS)):
            gaps = _gaps(one, mask, inner, scale)
            if gaps.sum() <= most * mask.sum():
                mask[gaps] = 0
                break
    soft = np.asarray(cv2.GaussianBlur(mask * 255, (0, 0), SOFTNESS), np.uint8)
    within = np.asarray(cv2.erode(mask, square), np.uint8)
    if not within.any():
        return rgb, soft
    if not believed:
        return _spread(rgb, mask, max(1, round(WALL * scale)), within), soft
    own = _spread(rgb, mask, radius, within)
    alpha = _share(rgb, own, plate, least)
    alpha[within > 0] = 1
    mixed = ((alpha - MIXED) / (1 - MIXED)).clip(0, 1)[..., None]
    colours = own + (rgb.astype(np.float32) - own) * mixed
    return colours.round().astype(np.uint8), (soft * alpha).astype(np.uint8)


def _shaded(rgb: Rgb, plate: Rgb, least: float) -> NDArray[np.bool_]:
    """Where it looks like the plate with less light, or with the same."""
    there, behind = (np.asarray(cv2.blur(one, (5, 5)), np.float32) for one in (rgb, plate))
    light = (there * behind).sum(axis=2) / np.maximum((behind**2).sum(axis=2), 1.0)
    rest = np.abs(there - light[..., None] * behind).max(axis=2)
    return np.asarray((rest < least) & (light >= SHADE) & (light <= 1 / SHADE))


def _between_limbs(labels: Labels, keypoints: Keypoints, scale: float) -> NDArray[np.bool_]:
    """Near to an arm and the body or a leg, or to both legs."""
    side = 2 * max(1, round(BETWEEN * scale)) + 1
    body, left_arm, right_arm, left_leg, right_leg = (
        np.asarray(cv2.dilate(cv2.LUT(labels, table), np.ones((side, side), np.uint8))) > 0
        for table in _LIMB_TABLES
    )
    legs = left_leg | right_leg
    beside = (left_arm | right_arm) & (body | legs)
    between = (beside | (left_arm & right_arm) | (left_leg & right_leg)).astype(np.uint8)
    for x, y, score in keypoints[_SHOULDERS].tolist():
        if score >= MIN_SCORE:
            cv2.circle(between, (round(x), round(y)), round(SHOULDER * scale), 0, -1)
    return np.asarray(between > 0)


def _share(rgb: Rgb, own: Rgb, plate: Rgb, least: float) -> NDArray[np.float32]:
    """How much of each pixel is the dancer, 0..1: its distance from the plate, as a share of how
    far the dancer's own colour is from it; 1 where that is near."""
    behind = plate.astype(np.float32)
    theirs = own - behind
    apart = np.linalg.norm(theirs, axis=2)
    there = np.asarray(cv2.blur(rgb, (3, 3)), np.float32) - behind
    away = np.linalg.norm(there, axis=2) - least
    along = (there * theirs).sum(axis=2) / np.maximum(apart**2, 1.0)
    beside = np.linalg.norm(there - along[..., None] * theirs, axis=2)
    another = ((beside - MIXTURE) / (NO_MIXTURE - MIXTURE)).clip(0, 1)
    share = np.maximum(
        away / (CERTAIN * (apart - least)).clip(1),
        another * away / FAR,
    )
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
