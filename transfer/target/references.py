"""The reference bank of a dataset: the dancer of its frames, cut out, and what they are chosen by.

```
references.npz
  version     of this layout and of how cut-outs are made
  size        width and height of the target's pictures, and how tall the dancer is there
  unseen_parts, unseen_keypoints    of the body: `UnseenParts`
  numbers     of the target's pairs
  keypoints, area, front, centroid    of each: `BodyPose`
  alone       of each: `standing_alone`
  garment     `Garment` that is worn
  scale       body height of each
  places      [n, 5]: x, y of a cut-out in the target's picture, bytes of its three pictures
  pictures    JPEG (colours), PNG (alpha), PNG (labels) of one after the other
```
The file is written beside the dataset, when every cut-out has been made.
"""

from __future__ import annotations

import io
import threading
import zipfile
from collections import OrderedDict
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from capture.files import write_whole
from inference.body import MIRROR_LABELS
from transfer.errors import TransferError
from transfer.target.garment import Garment, outline_widths, worn
from transfer.target.matte import without_arms
from transfer.target.pieces import MIRROR_PIECES, OUTLINE, BodyPose, Features, Reals, standing_alone
from transfer.target.reference import EncodedCutOut, Reference, encoded_cut_out
from transfer.target.target import Target
from transfer.target.unseen_parts import UnseenParts

VERSION = 5
"""2 is the same as 3, of frames that were chosen by other rules; neither tells of a garment. Up to
4 the wall shone through at the edges of what is far darker than it."""
READABLE = (2, 3, 4, VERSION)
FILE_NAME = "references.npz"
MOST = 400
"""References of a dataset, evenly over the time: more poses than that hardly differ."""
HIGHEST = 768
"""Cut-outs are made smaller until a usual dancer is so many pixels high."""
USUAL = 0.98
"""Share of the frames whose dancer is no higher than usual."""
MEMORY = 250_000_000
"""Bytes of cut-outs that are kept decoded."""

_UNREADABLE = (OSError, EOFError, ValueError, KeyError, zipfile.BadZipFile)
"""What a file that was cut off or made otherwise raises."""
_MIRROR = np.arange(256, dtype=np.uint8)
_MIRROR[: len(MIRROR_LABELS)] = MIRROR_LABELS


class ReferenceBank:
    """References of one target and, after them, the same mirrored.

    `place`, wherever it is asked for, is one of `0 .. 2 n - 1`; those from `n` on are mirrored.
    Cut-outs are made when they are first asked for. May be used by several threads.
    """

    def __init__(
        self,
        size: tuple[int, int],
        height: float,
        unseen: UnseenParts,
        numbers: Sequence[int],
        poses: Sequence[BodyPose],
        alone: Sequence[Reals],
        make: Callable[[int, float], EncodedCutOut],
        garment: Garment = Garment.TROUSERS,
    ) -> None:
        """`alone`: `standing_alone` of each; `make`: the cut-out of the n-th reference by a factor;
        use `of` or `load`."""
        self.size = size
        self.height = height
        """Of the box around the dancer, usually; or its width, where that is more. Pixels."""
        self.factor = cut_out_factor(height)
        """Pixels of a cut-out a pixel of the target's picture."""
        self.unseen = unseen
        self.garment = garment
        """Whether a skirt or a robe is drawn as one piece."""
        self.plain = len(numbers)
        self.numbers = np.array([*numbers, *numbers])
        """Of the target's pairs."""
        self.poses = [*poses, *(pose.mirrored(size[0]) for pose in poses)]
        self.features = Features.of(self.poses)
        self.mirrored = np.arange(2 * self.plain) >= self.plain
        plain = np.stack(alone)
        self.alone = np.concatenate([plain, plain[:, list(MIRROR_PIECES)]])
        """`[2 n, 14]`: how far each piece stands alone."""
        usual = np.quantile(self.features.area[: self.plain], 0.7, axis=0)
        self.usual_area = np.maximum(usual, 1e-4).astype(np.float32)
        """Of each piece, `[14]`: less is partly hidden."""
        self.ready = np.zeros(2 * self.plain, np.bool_)
        """Whose cut-out is made."""
        self._make = make
        self._encoded: dict[int, EncodedCutOut] = {}
        self._decoded: OrderedDict[int, Reference] = OrderedDict()
        self._held = 0
        self._lock = threading.Lock()

    @classmethod
    def of(cls, target: Target, numbers: Sequence[int] | None = None) -> ReferenceBank:
        """Of a target; the one kept beside its dataset where there is one of this version.

        `numbers`: of its pairs that may be used; defaults to the usable ones, or to all where
        hardly any is. Raises `TransferError` when none shows anybody.
        """
        if numbers is None:
            if (found := cls.kept(target)) is not None:
                return found
            few = len(target.usable.numbers) < len(target.pairs) / 4
            numbers = range(len(target.pairs)) if few else target.usable.numbers
        step = max(1.0, len(numbers) / MOST)
        chosen = [numbers[int(place * step)] for place in range(int(len(numbers) / step))]
        poses, alone, kept, heights, counts, widths = [], [], [], [], [], []
        for number in chosen:
            labels = target.labels(number)
            x, y, width, height = cv2.boundingRect((labels > 0).astype(np.uint8))
            if min(width, height) < 8:
                continue
            box = labels[y : y + height, x : x + width]
            local = target.keypoints[number] - np.array([x, y, 0], np.float32)
            pose = BodyPose.of(target.keypoints[number], box, x, y)
            seen = without_arms(box, local, pose.scale)
            poses.append(BodyPose.of(target.keypoints[number], seen, x, y))
            alone.append(standing_alone(np.pad(box, OUTLINE)))
            kept.append(number)
            widths.append(outline_widths(box, local))
            heights.append(max(width, height))
            counts.append(np.bincount(box.ravel(), minlength=256))
        if not kept:
            raise TransferError(f"{target.dataset.manifest.title} shows nobody: capture again.")
        tall = float(np.quantile(heights, USUAL))
        unseen = UnseenParts.of_counts(counts, target.keypoints[kept])

        def make(place: int, factor: float) -> EncodedCutOut:
            return encoded_cut_out(target, kept[place], factor)

        return cls(target.size, tall, unseen, kept, poses, alone, make, worn(widths))

    @classmethod
    def kept(cls, target: Target) -> ReferenceBank | None:
        """The one that is kept beside the target's dataset; None: none, or of another version."""
        stored = target.stored(FILE_NAME)
        if stored is not None:
            with suppress(*_UNREADABLE):
                return cls._read(stored, target.size, (VERSION,))
        return None

    @classmethod
    def joined(cls, banks: Sequence[ReferenceBank]) -> ReferenceBank:
        """Several banks of one person before one camera as one; `first_number` says where the
        numbers of each begin."""
        if len(banks) == 1:
            return banks[0]
        numbers = [
            first_number(place) + number
            for place, bank in enumerate(banks)
            for number in bank.numbers[: bank.plain].tolist()
        ]
        poses = [pose for bank in banks for pose in bank.poses[: bank.plain]]
        makers = [(bank, place) for bank in banks for place in range(bank.plain)]
        height = max(bank.height for bank in banks)
        seen = [bank.unseen for bank in banks]
        unseen = UnseenParts(
            tuple(sorted(set.intersection(*(set(one.parts) for one in seen)))),
            tuple(sorted(set.intersection(*(set(one.keypoints) for one in seen)))),
        )

        def make(place: int, factor: float) -> EncodedCutOut:
            bank, own = makers[place]
            return bank._make(own, factor)

        alone = [one for bank in banks for one in bank.alone[: bank.plain]]
        garment = max(bank.garment for bank in banks)
        return cls(banks[0].size, height, unseen, numbers, poses, alone, make, garment)

    @classmethod
    def load(cls, path: Path) -> ReferenceBank:
        """From a file; `TransferError` when it holds no bank of this version."""
        try:
            return cls._read(path.read_bytes(), None, READABLE)
        except _UNREADABLE as error:
            raise TransferError(f"{path} holds no references of this version: {error}") from error

    @classmethod
    def _read(
        cls, content: bytes, size: tuple[int, int] | None, versions: Sequence[int]
    ) -> ReferenceBank:
        with np.load(io.BytesIO(content), allow_pickle=False) as file:
            stored: dict[str, NDArray[Any]] = {name: file[name] for name in file.files}
        if int(stored["version"]) not in versions:
            raise ValueError("made by another version of this program")
        width, height, tall = stored["size"].tolist()
        if size is not None and (width, height) != size:
            raise ValueError("of pictures of another size")
        numbers = stored["numbers"].tolist()
        poses = [
            BodyPose(keypoints, float(scale), area, front, centroid)
            for keypoints, scale, area, front, centroid in zip(
                *(stored[name] for name in ("keypoints", "scale", "area", "front", "centroid")),
                strict=True,
            )
        ]
        pictures = stored["pictures"].tobytes()
        encoded, at = [], 0
        for x, y, *lengths in stored["places"].tolist():
            parts = []
            for length in lengths:
                parts.append(pictures[at : at + length])
                at += length
            encoded.append(EncodedCutOut(x, y, *parts))
        if len(encoded) != len(numbers) or at != len(pictures):
            raise ValueError("it was cut off")
        unseen = UnseenParts(
            tuple(stored["unseen_parts"].tolist()), tuple(stored["unseen_keypoints"].tolist())
        )
        size = int(width), int(height)
        alone = list(stored["alone"])
        garment = Garment(int(stored.get("garment", 0)))
        bank = cls(
            size, tall, unseen, numbers, poses, alone, lambda place, _: encoded[place], garment
        )
        bank._encoded = dict(enumerate(encoded))
        bank.ready[:] = True
        return bank

    def content(self) -> bytes:
        """The file; makes what has not been made yet."""
        encoded = [self._kept(place) for place in range(self.plain)]
        poses = self.poses[: self.plain]
        out = io.BytesIO()
        np.savez(
            out,
            version=np.array(VERSION),
            size=np.array([*self.size, self.height], np.float64),
            unseen_parts=np.array(self.unseen.parts, np.int64),
            unseen_keypoints=np.array(self.unseen.keypoints, np.int64),
            numbers=self.numbers[: self.plain],
            alone=self.alone[: self.plain],
            garment=np.array(int(self.garment)),
            keypoints=np.stack([pose.keypoints for pose in poses]),
            scale=np.array([pose.scale for pose in poses], np.float64),
            area=np.stack([pose.area for pose in poses]),
            front=np.stack([pose.front for pose in poses]),
            centroid=np.stack([pose.centroid for pose in poses]),
            places=np.array(
                [(e.x, e.y, len(e.rgb), len(e.alpha), len(e.labels)) for e in encoded], np.int64
            ),
            pictures=np.frombuffer(b"".join(e.rgb + e.alpha + e.labels for e in encoded), np.uint8),
        )
        return out.getvalue()

    def save(self, path: Path) -> None:
        """Write the file whole; makes what has not been made yet."""
        write_whole(path, self.content())

    def prepare(self, places: Sequence[int], stop: Callable[[], bool] = lambda: False) -> None:
        """Make the cut-outs of some references now, until `stop` says so."""
        for place in places:
            if stop():
                return
            self._kept(place % self.plain)

    def coarse_to_fine(self) -> list[int]:
        """All that are not mirrored, in an order whose beginning is spread over the time."""
        order, seen, step = [], set(), 1 << max(0, (self.plain - 1).bit_length())
        while step:
            for place in range(0, self.plain, step):
                if place not in seen:
                    seen.add(place)
                    order.append(place)
            step //= 2
        return order

    def reference(self, place: int) -> Reference:
        """Ready to be drawn from; decoded ones are kept as long as there is room."""
        with self._lock:
            if place in self._decoded:
                self._decoded.move_to_end(place)
                return self._decoded[place]
        made = self._decode(place)
        with self._lock:
            if place not in self._decoded:
                self._decoded[place] = made
                self._held += made.bytes
            while self._held > MEMORY and len(self._decoded) > 1:
                self._held -= self._decoded.popitem(last=False)[1].bytes
        return made

    def _kept(self, number: int) -> EncodedCutOut:
        found = self._encoded.get(number)
        if found is None:
            found = self._encoded[number] = self._make(number, self.factor)
            self.ready[[number, number + self.plain]] = True
        return found

    def _decode(self, place: int) -> Reference:
        kept = self._kept(place % self.plain)
        bgr = cv2.imdecode(np.frombuffer(kept.rgb, np.uint8), cv2.IMREAD_COLOR)
        alpha, labels = (
            cv2.imdecode(np.frombuffer(one, np.uint8), cv2.IMREAD_GRAYSCALE)
            for one in (kept.alpha, kept.labels)
        )
        assert bgr is not None
        assert alpha is not None
        assert labels is not None
        rgb, x = cv2.cvtColor(bgr, cv2.COLOR_BGR2RGB), float(kept.x)
        if self.mirrored[place]:
            x = self.size[0] - (kept.x + rgb.shape[1] / self.factor)
            labels = cv2.LUT(labels, _MIRROR)
            rgb, alpha, labels = (
                np.ascontiguousarray(one[:, ::-1]) for one in (rgb, alpha, labels)
            )
        return Reference(
            self.poses[place], np.asarray(rgb, np.uint8), np.asarray(alpha, np.uint8),
            self.garment.merged(np.asarray(labels, np.uint8)), x, float(kept.y), self.factor,
        )  # fmt: skip


def first_number(bank: int) -> int:
    """Where the numbers of a bank's pairs begin in a joined one: far from another's."""
    return bank * 1_000_000


def cut_out_factor(height: float) -> float:
    """Pixels of a cut-out a pixel of the target's picture, whose dancer is so many pixels high."""
    return min(1.0, HIGHEST / height)
