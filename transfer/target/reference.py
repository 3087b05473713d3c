"""One reference: the dancer of a frame cut out, kept as small files, drawn from in pieces."""

from __future__ import annotations

from dataclasses import dataclass, field

import cv2
import numpy as np
from numpy.typing import NDArray

from inference.arrays import Labels, Rgb
from transfer.target.matte import HIDDEN, cut_out, without_arms
from transfer.target.pieces import (
    NO_PIECE,
    PIECE_OF_LABEL,
    BodyPose,
    Piece,
    joint,
    mask_of,
    neighbours,
)
from transfer.target.plate import light, lit
from transfer.target.target import Target

MARGIN = 6
"""Around the dancer in a cut-out, pixels."""
REACH = 0.022
"""So far a piece is drawn over its neighbours, in body heights..."""
JOINT = 0.07
"""...around the joint that they share."""
QUALITY = 95


@dataclass(frozen=True, slots=True)
class Layer:
    """One piece of a reference."""

    rgba: NDArray[np.uint8]
    """`[h, w, 4]`."""
    x: int
    y: int
    """Of its corner in the cut-out."""


@dataclass(slots=True)
class Reference:
    """The dancer of one frame, at the bank's scale."""

    pose: BodyPose
    """In the target's picture."""
    rgb: Rgb
    alpha: NDArray[np.uint8]
    labels: Labels
    x: float
    y: float
    """Of the cut-out's corner in the target's picture."""
    factor: float
    """Pixels of the cut-out a pixel of the target's picture."""
    _layers: dict[Piece, Layer | None] = field(default_factory=dict)

    @property
    def bytes(self) -> int:
        """About what it takes with its layers."""
        return self.rgb.nbytes * 3

    def layer(self, piece: Piece) -> Layer | None:
        """A piece with soft edges that reach over its neighbours; None where it is not seen."""
        if piece not in self._layers:
            self._layers[piece] = self._cut(piece)
        return self._layers[piece]

    def _cut(self, piece: Piece) -> Layer | None:
        pieces = cv2.LUT(self.labels, PIECE_OF_LABEL)
        own = mask_of(np.asarray(pieces, np.uint8), piece)
        x, y, width, height = cv2.boundingRect(own)
        if width == 0:
            return None
        reach = max(1, round(REACH * self.pose.scale * self.factor))
        left, top = max(0, x - reach - 2), max(0, y - reach - 2)
        box = np.s_[top : y + height + reach + 2, left : x + width + reach + 2]
        inside = own[box]
        may = self._open_to(piece, np.asarray(pieces[box], np.uint8), left, top)
        # Never over an arm that lies across.
        may[self.labels[box] == HIDDEN] = 0
        disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * reach + 1, 2 * reach + 1))
        grown = cv2.bitwise_and(cv2.dilate(inside, disc), may)
        soft = cv2.GaussianBlur(grown, (0, 0), max(0.8, reach / 3))
        soft = cv2.max(soft, cv2.erode(inside, np.ones((3, 3), np.uint8)))
        alpha = cv2.multiply(soft, self.alpha[box], scale=1 / 255)
        return Layer(np.dstack([self.rgb[box], alpha]), left, top)

    def _open_to(self, piece: Piece, pieces: Labels, left: int, top: int) -> NDArray[np.uint8]:
        """Where a piece may be drawn: itself, the background, and its neighbours around the joint:
        farther along, a sleeve would come with the trunk. `left`, `top`: of `pieces` in the
        cut-out."""
        table = np.zeros(256, np.uint8)
        table[[piece, NO_PIECE]] = 255
        may = np.asarray(cv2.LUT(pieces, table), np.uint8)
        radius = max(2, round(JOINT * self.pose.scale * self.factor))
        for other in neighbours(piece):
            theirs = mask_of(pieces, other)
            if points := joint(piece, other):
                place = self.pose.keypoints[list(points), :2].mean(0) - (self.x, self.y)
                x, y = (place * self.factor - (left, top)).round().astype(int).tolist()
                disc = np.zeros_like(theirs)
                cv2.circle(disc, (x, y), radius, 255, -1)
                theirs = np.asarray(cv2.bitwise_and(theirs, disc), np.uint8)
            may |= theirs
        return may


@dataclass(frozen=True, slots=True)
class EncodedCutOut:
    """A cut-out as it is kept: JPEG, PNG and PNG; `x`, `y`: its corner in the picture."""

    x: int
    y: int
    rgb: bytes
    alpha: bytes
    labels: bytes


def encoded_cut_out(target: Target, number: int, factor: float) -> EncodedCutOut:
    """The dancer of a target's pair, `factor` times as large as in its picture."""
    labels = target.labels(number)
    rgb, plate = target.frame(number), target.plate
    rgb = lit(rgb, light(rgb, plate, labels))
    x, y, width, height = cv2.boundingRect((labels > 0).astype(np.uint8))
    left, top = max(0, x - MARGIN), max(0, y - MARGIN)
    box = np.s_[top : y + height + MARGIN, left : x + width + MARGIN]
    keypoints = target.keypoints[number] - np.array([left, top, 0], np.float32)
    inside, scale = labels[box], BodyPose.of(keypoints, labels[box]).scale
    colours, alpha = cut_out(np.ascontiguousarray(rgb[box]), plate[box], inside, keypoints, scale)
    seen = without_arms(inside, keypoints, scale)
    if factor < 1:
        height, width = inside.shape
        small = max(1, round(width * factor)), max(1, round(height * factor))
        colours, alpha = (
            np.asarray(cv2.resize(one, small, interpolation=cv2.INTER_AREA), np.uint8)
            for one in (colours, alpha)
        )
        seen = np.asarray(cv2.resize(seen, small, interpolation=cv2.INTER_NEAREST), np.uint8)
    full_chroma = [
        cv2.IMWRITE_JPEG_QUALITY, QUALITY,
        cv2.IMWRITE_JPEG_SAMPLING_FACTOR, cv2.IMWRITE_JPEG_SAMPLING_FACTOR_444,
    ]  # fmt: skip
    quick = [cv2.IMWRITE_PNG_COMPRESSION, 1]
    bgr = cv2.cvtColor(colours, cv2.COLOR_RGB2BGR)
    return EncodedCutOut(
        left, top,
        cv2.imencode(".jpg", bgr, full_chroma)[1].tobytes(),
        cv2.imencode(".png", alpha, quick)[1].tobytes(),
        cv2.imencode(".png", seen, quick)[1].tobytes(),
    )  # fmt: skip
