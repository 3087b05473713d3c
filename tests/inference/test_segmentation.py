"""Label maps against an independent slow float64 function, and against masks drawn by people."""

import math
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from inference.analysis import Heads, Person
from inference.arrays import Labels, Rgb
from inference.mask_limits import mask_limits
from inference.network import Network
from inference.personlab import decode_people
from inference.runtime import parse_device
from inference.segmentation import TRUSTED, _strongest, label_map

NAME = "bodypix_mobilenet_v1_075_720_1280_16_quant.tflite"
THRESHOLD = 0.6


@pytest.fixture(scope="module")
def network(models: Path) -> Network:
    """Coral's 0.75 network at its usual size."""
    return Network.open(models / NAME, parse_device("cpu")[0], 481, 1)


def _read(path: Path) -> Rgb:
    picture = cv2.imread(str(path))
    assert picture is not None
    return np.asarray(cv2.cvtColor(picture, cv2.COLOR_BGR2RGB), np.uint8)


def _upsampled(channel: NDArray[np.float64], heads: Heads) -> NDArray[np.float64]:
    """A channel at every pixel of the frame: numpy's interpolation, rows, then columns, float64.

    Frame pixel centres lie at (x + 0.5) * input / frame - 0.5 of a stretched input; cell i of the
    grid lies at input pixel 16 i.
    """
    frame, content = heads.placement.frame_size, heads.placement.input_size
    x, y = (
        ((np.arange(pixels) + 0.5) * size / pixels - 0.5) / 16
        for pixels, size in zip(frame, content, strict=True)
    )
    rows, columns = channel.shape
    across = np.array([np.interp(x, np.arange(columns), row) for row in channel])
    return np.array([np.interp(y, np.arange(rows), column) for column in across.T]).T


def _slow_labels(heads: Heads) -> Labels:
    """Everybody's parts, without regard to whose they are."""
    assert heads.segments is not None
    assert heads.part_heatmaps is not None
    segments = heads.segments.dequantised().astype(np.float64)[..., 0]
    parts = heads.part_heatmaps.dequantised().astype(np.float64)
    person = 1 / (1 + np.exp(-_upsampled(segments, heads))) >= THRESHOLD
    logits = np.stack([_upsampled(parts[..., part], heads) for part in range(24)])
    labels: Labels = np.where(person, logits.argmax(axis=0) + 1, 0).astype(np.uint8)
    return labels


def _photos(shared: Path, step: int) -> list[Path]:
    masks = sorted((shared / "data" / "people" / "person_masks").iterdir())[::step]
    return [next((shared / "data" / "people").rglob(mask.stem + ".jpg")) for mask in masks]


def test_agrees_with_a_slow_float64_function(network: Network, shared: Path) -> None:
    """On photos of one person, at least 98.5 % of the foreground that hangs together with it and is
    where it can be."""
    seen = 0
    for path in _photos(shared, 40):
        heads, _ = network.infer(_read(path))
        people = decode_people(heads)
        if len(people) != 1:
            continue
        seen += 1
        labels, slow = label_map(heads, people, 0, THRESHOLD), _slow_labels(heads)
        pieces = cv2.connectedComponents((slow > 0).astype(np.uint8))[1]
        # A passer-by's leg at the picture's edge.
        apart = (slow > 0) & ~np.isin(pieces, pieces[labels > 0])
        trusted = people[0].keypoints[people[0].keypoints[:, 2] >= TRUSTED]
        column, row = np.rint(trusted[:, :2]).astype(int).T
        held = apart[row.clip(0, len(apart) - 1), column.clip(0, apart.shape[1] - 1)]
        assert not held.any(), path.name
        slow[apart] = 0
        foreground = (labels > 0) | (slow > 0)
        if (near := mask_limits(people[0].keypoints, labels.shape)) is not None:
            assert not labels[~_grown(near, heads)].any(), path.name
            assert near[foreground].mean() > 0.95, path.name
            foreground &= near
        assert (labels == slow)[foreground].mean() >= 0.985, path.name
    assert seen >= 8


@pytest.mark.parametrize("size", [(640, 480), (641, 353), (333, 517), (1280, 720)])
def test_agrees_at_any_size(network: Network, shared: Path, size: tuple[int, int]) -> None:
    """Odd sizes, other aspects, enlarged and reduced."""
    photo = _read(_photos(shared, 40)[0])
    canvas = np.full((photo.shape[0], 2 * photo.shape[1], 3), 120, np.uint8)
    canvas[:, 100 : 100 + photo.shape[1]] = photo
    frame = np.asarray(cv2.resize(canvas, size, interpolation=cv2.INTER_AREA), np.uint8)
    heads, _ = network.infer(frame)
    people = decode_people(heads)
    assert len(people) == 1
    labels, slow = label_map(heads, people, 0, THRESHOLD), _slow_labels(heads)
    foreground = (labels > 0) | (slow > 0)
    assert labels.shape == frame.shape[:2]
    assert (labels == slow)[foreground].mean() >= 0.985


def test_finds_what_people_marked(network: Network, shared: Path) -> None:
    """Mean IoU with masks drawn by hand: better than all that the network calls a person."""
    ours: list[float] = []
    everybody: list[float] = []
    for path in _photos(shared, 30):
        heads, _ = network.infer(_read(path))
        people = decode_people(heads)
        mask = cv2.imread(str(path.parent.parent / "person_masks" / f"{path.stem}.png"), 0)
        assert mask is not None
        largest = max(range(len(people)), key=lambda index: people[index].box[3])
        for labels, into in (
            (label_map(heads, people, largest, THRESHOLD), ours),
            (_slow_labels(heads), everybody),
        ):
            found, marked, counts = labels > 0, mask == 1, mask != 255
            both = (found & marked & counts).sum()
            into.append(both / ((found | marked) & counts).sum())
    assert np.mean(ours) >= 0.84
    assert np.mean(ours) > np.mean(everybody) + 0.02


def test_three_people_share_no_pixel(network: Network, videos: Path) -> None:
    """Each of three people gets a label map of their own; together they are all foreground."""
    capture = cv2.VideoCapture(str(videos / "three_people.avi"))
    for _ in range(60):
        _, picture = capture.read()
    heads, _ = network.infer(np.asarray(cv2.cvtColor(picture, cv2.COLOR_BGR2RGB), np.uint8))
    people = decode_people(heads)
    assert len(people) == 3
    maps = [label_map(heads, people, index, THRESHOLD) for index in range(3)]
    owners = np.sum([labels > 0 for labels in maps], axis=0)
    everybody = _slow_labels(heads) > 0
    assert owners.max() == 1
    assert (owners[everybody] == 1).mean() > 0.95
    for labels, person in zip(maps, people, strict=True):
        x, y, width, height = person.box
        rows, columns = np.nonzero(labels)
        assert len(rows) > 300
        assert x - 0.3 * width <= columns.mean() <= x + 1.3 * width
        assert y - 0.3 * height <= rows.mean() <= y + 1.3 * height


def test_a_poster_is_not_part_of_the_dancer(network: Network, shared: Path) -> None:
    """Two photos side by side: whoever is labelled, no pixel of the other photo is."""
    first, second = (_read(path) for path in _photos(shared, 40)[:2])
    second = np.asarray(cv2.resize(second, first.shape[1::-1]), np.uint8)
    heads, _ = network.infer(np.concatenate([first, second], axis=1))
    people = decode_people(heads)
    middle = first.shape[1]
    for index, person in enumerate(people[:2]):
        labels = label_map(heads, people, index, THRESHOLD)
        left = person.box[0] + person.box[2] / 2 < middle
        wrong = labels[:, middle:] if left else labels[:, :middle]
        assert (labels > 0).sum() > 5000
        assert (wrong > 0).sum() < 0.005 * (labels > 0).sum()


def _grown(near: NDArray[np.bool_], heads: Heads) -> NDArray[np.bool_]:
    """By a cell of the grid: between cells, pixels are decided by both."""
    cell = math.ceil(heads.placement.stride / min(heads.placement.scale))
    kernel = np.ones((2 * cell + 1, 2 * cell + 1), np.uint8)
    return cv2.dilate(near.astype(np.uint8), kernel) > 0


def _with_a_stool(heads: Heads, person: Person, row: int, column: int) -> Heads:
    """Three by three cells more of foreground, whose offsets point at the person's key points."""
    assert heads.segments is not None
    assert heads.long_offsets is not None
    rows, columns = slice(row - 1, row + 2), slice(column - 1, column + 2)
    segments, long = heads.segments.values.copy(), heads.long_offsets.values.copy()
    segments[rows, columns] = 255
    points = heads.placement.to_input(person.keypoints[:, :2])
    cells = np.mgrid[rows, columns][..., None] * heads.placement.stride
    away = np.concatenate([points[:, 1] - cells[0], points[:, 0] - cells[1]], axis=-1)
    scale, zero = heads.long_offsets.scale, heads.long_offsets.zero_point
    long[rows, columns] = (away / scale + zero).round().clip(0, 255)
    return replace(
        heads,
        segments=replace(heads.segments, values=segments),
        long_offsets=replace(heads.long_offsets, values=long),
    )


def test_what_a_person_cannot_reach_is_nobodys(network: Network, shared: Path) -> None:
    """A stool beside the dancer that the network takes for a leg is hers where it touches her, and
    no further than her clothes may go."""
    photo = np.pad(_read(_photos(shared, 40)[0]), ((0, 0), (200, 200), (0, 0)), mode="edge")
    heads, _ = network.infer(photo)
    [person] = decode_people(heads)
    plain = label_map(heads, [person], 0, THRESHOLD) > 0
    near = mask_limits(person.keypoints, plain.shape)
    assert near is not None
    x, y, _, height = person.box
    at = heads.placement.to_input(np.array([[x, y + height / 2]])) / heads.placement.stride
    column, row = np.rint(at[0]).astype(int)
    assert plain.sum() > 5000
    for away, least, most in ((5, 0, 0), (1, 1000, 5000), (3, 1000, 5000)):
        stool = _with_a_stool(heads, person, row, column - away)
        labels = label_map(stool, [person], 0, THRESHOLD) > 0
        added = labels & ~plain
        assert least <= added.sum() <= most
        assert not (added & ~_grown(near, heads)).any()
        assert not (plain & near & ~labels).any()
    # The stool itself goes on where she cannot be.
    everything = _slow_labels(stool) > 0
    assert (everything & ~_grown(near, heads) & ~_slow_labels(heads).astype(bool)).sum() > 100


def test_threshold_zero_point_is_a_probability(network: Network, shared: Path) -> None:
    """A higher threshold only takes pixels away."""
    heads, _ = network.infer(_read(_photos(shared, 40)[1]))
    people = decode_people(heads)
    sizes = [int((label_map(heads, people, 0, p) > 0).sum()) for p in (0.1, 0.5, 0.9)]
    assert sizes[0] > sizes[1] > sizes[2] > 0
    assert math.isfinite(people[0].score)


def test_a_pose_only_network_gives_no_labels(models: Path) -> None:
    """It says so."""
    name = "posenet_mobilenet_v1_075_353_481_16_quant_decoder.tflite"
    network = Network.open(models / name, parse_device("cpu")[0], 481, 1)
    heads, _ = network.infer(_read(models / "test_image.bmp"))
    with pytest.raises(ValueError, match="pose-only"):
        label_map(heads, decode_people(heads), 0, THRESHOLD)


@pytest.mark.parametrize("size", [(1283, 961), (1926, 1441), (2405, 1805)])
def test_in_a_large_frame_the_outline_is_exact_and_parts_come_in_blocks(
    network: Network, shared: Path, size: tuple[int, int]
) -> None:
    """Two to five pixels of the frame are one of the network's input."""
    person = _read(_photos(shared, 40)[0])
    rgb = np.full((size[1], size[0], 3), 128, np.uint8)
    height = size[1]
    width = min(size[0], round(person.shape[1] * height / person.shape[0]))
    rgb[:, :width] = cv2.resize(person, (width, height))
    heads, _ = network.infer(rgb)
    people = decode_people(heads)
    labels, slow = label_map(heads, people, 0, THRESHOLD), _slow_labels(heads)
    assert labels.shape == slow.shape == size[::-1]
    assert ((labels > 0) == (slow > 0)).mean() > 0.99
    both = (labels > 0) & (slow > 0)
    assert (labels == slow)[both].mean() > 0.97


@pytest.mark.parametrize("kind", [np.int8, np.uint8])
def test_the_strongest_part_is_numpys(kind: type[np.integer]) -> None:
    """Sums of up to four of the largest and smallest bytes, with many equals among them."""
    random = np.random.default_rng(0)
    limits = np.iinfo(kind)
    for least, most in ((limits.min, limits.max), (limits.max - 2, limits.max), (limits.min, 3)):
        values = random.integers(least, most + 1, (4, 24, 30, 20), np.int16)
        for count in (1, 2, 4):
            total = values[:count].sum(axis=0, dtype=np.int16)
            np.testing.assert_array_equal(_strongest(total), total.argmax(axis=0))
