"""References moved piece by piece into the wanted pose, and laid over each other.

The wanted label map says which piece is in front; outlines are the references' own. Colours are
mixed, not places: nothing is smeared where pieces meet that are no neighbours.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from inference.arrays import Labels
from transfer.performers.crop import Matrix, joined
from transfer.performers.warp.choice import Choice
from transfer.performers.warp.transforms import piece_transform
from transfer.target.pieces import PIECE_OF_LABEL, BodyPose, Piece, mask_of
from transfer.target.reference import Layer, Reference
from transfer.target.references import ReferenceBank

ELSEWHERE = 0.04
"""A layer counts so much where the label map shows another piece."""
BEHIND = 0.03
"""The trunk's second reference counts so much of its first: what that hides, it shows."""
BORDER = 0.010
"""Over so much of the canvas the pieces' borders are softened."""
BEYOND, HEAD_BEYOND = 0.025, 0.04
"""Layers reach so far beyond the wanted silhouette, of the canvas; a head with its hair farther."""
LEAST_PIXELS = 12
"""A piece of fewer is a slip of the label map."""

Plane = NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class Warped:
    """What the references say of one picture, uint8, `[S, S]` and `[S, S, 3]`."""

    colour: NDArray[np.uint8]
    """Weighted by alpha."""
    alpha: Plane
    agreement: Plane
    """How surely a piece lies where the label map has it."""
    seams: Plane
    """What the strongest layer leaves to others."""

    @property
    def planes(self) -> NDArray[np.uint8]:
        """Side by side, `[S, S, 6]`."""
        return np.dstack([self.colour, self.alpha, self.agreement, self.seams])

    @classmethod
    def of(cls, planes: NDArray[np.uint8]) -> Warped:
        """The reverse of `planes`."""
        colour, alpha, agreement, seams = np.split(planes, (3, 4, 5), axis=2)
        flat = (np.ascontiguousarray(one[..., 0]) for one in (alpha, agreement, seams))
        return cls(np.ascontiguousarray(colour), *flat)


@dataclass(frozen=True, slots=True)
class _Box:
    x0: int
    y0: int
    x1: int
    y1: int

    @property
    def size(self) -> tuple[int, int]:
        return self.x1 - self.x0, self.y1 - self.y0

    def within(self, other: _Box) -> _Box | None:
        """What both cover; None: nothing."""
        box = _Box(
            max(self.x0, other.x0), max(self.y0, other.y0),
            min(self.x1, other.x1), min(self.y1, other.y1),
        )  # fmt: skip
        return box if box.x1 > box.x0 and box.y1 > box.y0 else None

    def slices(self, outer: _Box) -> tuple[slice, slice]:
        """Of this box in the pixels of a larger one."""
        return (
            slice(self.y0 - outer.y0, self.y1 - outer.y0),
            slice(self.x0 - outer.x0, self.x1 - outer.x0),
        )


def compose(
    bank: ReferenceBank, choice: Choice, wanted: BodyPose, canvas: Matrix, parts: Labels, size: int
) -> Warped:
    """The wanted pose out of references.

    Args:
        wanted: the pose, in pixels of the target's picture.
        canvas: 2x3, from there to the canvas.
        parts: the wanted label map, of the whole canvas, square; it may be coarser.
        size: side of the canvas, pixels.
    """
    canvas_box = _Box(0, 0, size, size)
    coarse = len(parts)
    x, y, width, height = cv2.boundingRect(parts)
    more = round(HEAD_BEYOND * coarse) + 2
    grown = _Box(x - more, y - more, x + width + more, y + height + more)
    there = grown.within(_Box(0, 0, coarse, coarse)) if width else None
    if there is None:
        return Warped.of(np.zeros((size, size, 6), np.uint8))
    x0, y0, x1, y1 = (
        round(side * size / coarse) for side in (there.x0, there.y0, there.x1, there.y1)
    )
    whole = _Box(x0, y0, x1, y1)
    inside = np.ascontiguousarray(
        bank.garment.merged(parts[there.slices(_Box(0, 0, coarse, coarse))])
    )
    mixer = _Mixer(inside, whole, coarse)
    for piece in Piece:
        if mixer.wants(piece):
            sources = [
                _source(bank, place, piece, wanted, canvas, share)
                for place, share in _places(choice, piece)
            ]
            mixer.add(piece, sources)
    if mixer.wants(Piece.TRUNK):
        behind = _source(bank, choice.trunk_behind, Piece.TRUNK, wanted, canvas)
        mixer.add(Piece.TRUNK, [behind], behind=True)
    made = np.zeros((size, size, 6), np.uint8)
    made[whole.slices(canvas_box)] = mixer.mixed()
    return Warped.of(made)


@dataclass(frozen=True, slots=True)
class _Source:
    """Where a piece comes from."""

    reference: Reference
    matrix: Matrix
    """2x3, from its cut-out to the canvas."""
    share: float
    """Of the piece, 0..1."""


def _places(choice: Choice, piece: Piece) -> list[tuple[int, float]]:
    """Whose pixels a piece is made of, and how much of each."""
    place = int(choice.pieces[piece])
    if choice.before is None or choice.fading is None or not choice.fading[piece]:
        return [(place, 1.0)]
    share = float(choice.fading[piece])
    return [(place, 1 - share), (int(choice.before[piece]), share)]


def _source(
    bank: ReferenceBank,
    place: int,
    piece: Piece,
    wanted: BodyPose,
    canvas: Matrix,
    share: float = 1.0,
) -> _Source:
    reference = bank.reference(place)
    step = 1 / reference.factor
    shift = (step - 1) / 2
    from_cut_out = np.array([[step, 0, reference.x + shift], [0, step, reference.y + shift]])
    move = joined(piece_transform(reference.pose, wanted, piece, bank.garment), from_cut_out)
    return _Source(reference, joined(canvas, move), share)


class _Mixer:
    """Sums layers within the box of the dancer."""

    def __init__(self, parts: Labels, box: _Box, coarse: int) -> None:
        """`parts`: inside the box; `coarse`: side of the canvas in its pixels."""
        self._box = box
        width, height = box.size
        self._sum = np.zeros((height, width, 3), np.float32)
        self._weight = np.full((height, width), 1e-3, np.float32)
        self._strongest = np.zeros((height, width), np.uint8)
        self._free = np.full((height, width), 255, np.uint8)
        self._agreement = np.zeros((height, width), np.uint8)
        self._there = self._masks(parts, coarse)
        silhouette = cv2.bitwise_not(mask_of(parts, 0))
        self._limit, self._head_limit = (
            self._enlarged(cv2.blur(cv2.dilate(silhouette, np.ones((side, side))), (3, 3)))
            for side in (max(3, 2 * round(share * coarse) + 1) for share in (BEYOND, HEAD_BEYOND))
        )

    def _masks(self, parts: Labels, coarse: int) -> dict[Piece, Plane]:
        pieces = np.asarray(cv2.LUT(parts, PIECE_OF_LABEL), np.uint8)
        side = max(3, 2 * round(BORDER * coarse) + 1)
        there = {}
        for piece in Piece:
            mask = mask_of(pieces, piece)
            if cv2.countNonZero(mask) >= LEAST_PIXELS:
                there[piece] = self._enlarged(cv2.blur(mask, (side, side)))
        return there

    def _enlarged(self, plane: Any) -> Plane:
        return np.asarray(
            cv2.resize(plane, self._box.size, interpolation=cv2.INTER_LINEAR), np.uint8
        )

    def wants(self, piece: Piece) -> bool:
        """Whether the label map shows it."""
        return piece in self._there

    def add(self, piece: Piece, sources: Sequence[_Source], behind: bool = False) -> None:
        """Lay a piece over what is there; `behind`: only where nothing else is."""
        layers = [(one, layer) for one in sources if (layer := one.reference.layer(piece))]
        placed = [_placed(layer, one.matrix, one.share) for one, layer in layers]
        box = self._around(placed)
        if box is None:
            return
        rgb, own = _faded(placed, box)
        inside = box.slices(self._box)
        limit = self._head_limit if piece == Piece.HEAD else self._limit
        there = self._there[piece][inside]
        alpha = cv2.multiply(own, limit[inside], scale=1 / 255)
        if behind:
            alpha = cv2.multiply(alpha, there, scale=1 / 255)
            weight = cv2.convertScaleAbs(alpha, alpha=BEHIND)
        else:
            counted = cv2.convertScaleAbs(there, beta=ELSEWHERE * 255)
            weight = cv2.multiply(alpha, counted, scale=1 / 255)
        cv2.accumulateProduct(rgb, cv2.merge([weight] * 3), self._sum[inside])
        cv2.accumulate(weight, self._weight[inside])
        self._strongest[inside] = cv2.max(self._strongest[inside], weight)
        free = cv2.multiply(self._free[inside], cv2.bitwise_not(alpha), scale=1 / 255)
        self._free[inside] = free
        self._agreement[inside] = cv2.max(self._agreement[inside], weight)

    def _around(self, placed: Sequence[_Placed]) -> _Box | None:
        """What all of them cover together, within the dancer's box."""
        if not placed:
            return None
        ends = np.array([one.ends for one in placed])
        (x0, y0), (x1, y1) = ends[:, :2].min(0).tolist(), ends[:, 2:].max(0).tolist()
        return _Box(x0, y0, x1, y1).within(self._box)

    def mixed(self) -> NDArray[np.uint8]:
        """`[h, w, 6]`: as `Warped.planes`."""
        alpha = cv2.bitwise_not(self._free)
        share = cv2.divide(alpha, self._weight, scale=1 / 255, dtype=cv2.CV_32F)
        colour = cv2.multiply(self._sum, cv2.merge([share] * 3), dtype=cv2.CV_8U)
        strongest = cv2.divide(self._strongest, self._weight, scale=255, dtype=cv2.CV_8U)
        seams = cv2.copyTo(cv2.bitwise_not(strongest), alpha)
        planes = cv2.merge([*cv2.split(colour), alpha, self._agreement, seams])
        return np.asarray(planes, np.uint8)


@dataclass(frozen=True, slots=True)
class _Placed:
    """A layer, and 2x3 from its pixels to the canvas."""

    rgba: NDArray[np.uint8]
    matrix: Matrix
    share: float
    ends: tuple[int, int, int, int]
    """Left, top, right, bottom of what it covers of the canvas."""


def _placed(layer: Layer, matrix: Matrix, share: float) -> _Placed:
    height, width = layer.rgba.shape[:2]
    corner = matrix.copy()
    corner[:, 2] += matrix[:, :2] @ (layer.x, layer.y)
    corners = np.array([[0, width, 0, width], [0, 0, height, height]])
    ends = corner[:, :2] @ corners + corner[:, 2:]
    (x0, y0), (x1, y1) = np.floor(ends.min(1)).astype(int), np.ceil(ends.max(1) + 1).astype(int)
    return _Placed(layer.rgba, corner, share, (int(x0), int(y0), int(x1), int(y1)))


def _faded(placed: Sequence[_Placed], box: _Box) -> tuple[Plane, Plane]:
    """Colours and alpha of one layer, or of two of which each counts by its share, in a box."""
    colours, alphas = [], []
    for one in placed:
        matrix = one.matrix.copy()
        matrix[:, 2] -= (box.x0, box.y0)
        moved = cv2.warpAffine(one.rgba, matrix, box.size, flags=cv2.INTER_LINEAR)
        colours.append(np.asarray(cv2.cvtColor(moved, cv2.COLOR_RGBA2RGB), np.uint8))
        alphas.append(np.asarray(cv2.convertScaleAbs(moved[..., 3], alpha=one.share), np.uint8))
    if len(placed) == 1:
        return colours[0], alphas[0]
    weights = [one.astype(np.float32) for one in alphas]
    mixed = cv2.blendLinear(colours[0], colours[1], weights[0], weights[1])
    return np.asarray(mixed, np.uint8), np.asarray(cv2.add(alphas[0], alphas[1]), np.uint8)
