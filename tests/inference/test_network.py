"""A network on real pictures and files, and on files small enough to check by hand."""

import csv
import shutil
from collections import defaultdict
from pathlib import Path
from types import ModuleType

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from inference.analysis import Heads
from inference.arrays import Rgb
from inference.body import PART_NAMES, POSE_TREE
from inference.errors import DeviceError, ModelError
from inference.network import BODY_HEADS, POSE_HEADS, Network
from inference.runtime import CPU, Device
from tests.inference import tiny_network
from tests.inference.conftest import CPU_FILE, EDGETPU_FILE

BODYPIX_FILES = [
    "bodypix_mobilenet_v1_075_720_1280_16_quant.tflite",
    "bodypix_mobilenet_v1_075_1280_720_16_per_tensor_quant.tflite",
    "bodypix_mobilenet_v1_075_512_512_16_quant_decoder.tflite",
    "bodypix_mobilenet_v1_075_640_480_16_quant_decoder.tflite",
]
POSENET_FILE = "posenet_mobilenet_v1_075_353_481_16_quant_decoder.tflite"
ALL_HEADS = POSE_HEADS | BODY_HEADS


@pytest.fixture(scope="module")
def photo(models: Path) -> Rgb:
    return np.ascontiguousarray(cv2.imread(str(models / "test_image.bmp"))[:, :, ::-1])


@pytest.fixture(scope="module")
def reference(models: Path) -> np.ndarray:
    """Coral's own poses in `test_image.bmp`: `[2, 17, 3]`, x, y (0..1 of the photo), score."""
    poses = np.zeros((2, 17, 3))
    with (models / POSENET_FILE.replace(".tflite", "_reference.csv")).open() as file:
        for row in csv.DictReader(file):
            values = row["keypoint_x"], row["keypoint_y"], row["keypoint_score"]
            poses[int(row["pose_id"]), int(row["keypoint_id"])] = [float(v) for v in values]
    return poses


def real_heads(heads: Heads) -> dict[str, np.ndarray]:
    every = {name: getattr(heads, name) for name in ALL_HEADS}
    return {name: head.dequantised() for name, head in every.items() if head is not None}


def same(first: Heads, second: Heads) -> bool:
    return all(
        np.array_equal(getattr(first, name).values, getattr(second, name).values)
        for name in ALL_HEADS
    )


@pytest.mark.parametrize("name", BODYPIX_FILES)
def test_every_head_of_a_real_file_has_its_place(models: Path, photo: Rgb, name: str) -> None:
    network = Network.open(models / name, CPU, long_side=481, threads=1)
    heads, timings = network.infer(photo)
    assert network.info.stride == 16
    assert network.info.has_parts
    assert network.info.fixed_size is None
    assert not network.info.edgetpu
    for head, channels in ALL_HEADS.items():
        found = getattr(heads, head)
        assert found.values.shape == (*heads.heatmaps.values.shape[:2], channels)
        assert found.values.dtype == np.uint8
        assert found.values.flags.c_contiguous
        assert found.scale > 0
    width, height = heads.placement.input_size
    assert heads.heatmaps.values.shape[:2] == ((height - 1) // 16 + 1, (width - 1) // 16 + 1)
    assert max(width, height) == 481
    assert timings.keys() == {"resize", "invoke"}
    assert all(0 < value < 5000 for value in timings.values())


def cells_of(points: np.ndarray, heads: Heads) -> tuple[np.ndarray, np.ndarray]:
    """Nearest cells (row, column) of points (x, y as 0..1), and the points in pixels (y, x)."""
    width, height = heads.placement.input_size
    pixels = points[:, 1::-1] * [height - 1, width - 1]
    return np.rint(pixels / 16).astype(int), pixels


def misses(
    head: np.ndarray, channels: np.ndarray, cells: np.ndarray, ends: np.ndarray
) -> np.ndarray:
    """Pixels between where `head`, at `cells`, points to and `ends`; `channels` `[n, 2]`: y, x."""
    vectors = head[cells[:, :1], cells[:, 1:], channels]
    return np.hypot(*(cells * 16 + vectors - ends).T)


@pytest.mark.parametrize("name", [*BODYPIX_FILES, POSENET_FILE])
def test_the_order_within_every_group_agrees_with_corals_reference(
    models: Path, photo: Rgb, reference: np.ndarray, name: str
) -> None:
    """Each vector, taken where the reference says it starts, ends near where the reference says.

    Near is not exact: quantised mid and long offsets miss by 10 to 20 pixels here, and the decoder
    refines them. Any other order (x before y, backward for forward, short for long) misses by far
    more.
    """
    heads, _ = Network.open(models / name, CPU, long_side=481, threads=2).infer(photo)
    real = real_heads(heads)
    points, edges = np.arange(17), np.arange(16)
    parents, children = np.array(POSE_TREE).T
    own = np.stack([points, points + 17], axis=1)
    edge = np.stack([edges, edges + 16], axis=1)
    mid = real["mid_offsets"]
    hits: list[bool] = []
    errors = defaultdict[str, list[float]](list)
    for pose in reference:
        cells, ends = cells_of(pose, heads)
        sure = pose[:, 2] >= 0.5
        hits += (real["heatmaps"][cells[:, 0], cells[:, 1], points] > 0)[sure].tolist()
        errors["short"] += misses(real["short_offsets"], own, cells, ends)[sure].tolist()
        both = sure[parents] & sure[children]
        down, up = (cells[parents], ends[children]), (cells[children], ends[parents])
        errors["forward"] += misses(mid, edge, *down)[both].tolist()
        errors["backward"] += misses(mid, edge + 32, *up)[both].tolist()
        errors["x before y"] += misses(mid, edge[:, ::-1], *down)[both].tolist()
        errors["wrong way"] += misses(mid, edge + 32, *down)[both].tolist()
        if "long_offsets" in real:
            # Every cell of a person points at all their key points: here, the chest's do.
            chest = cells_of(pose[[5, 6, 11, 12]].mean(axis=0)[None], heads)[0].repeat(17, axis=0)
            errors["long"] += misses(real["long_offsets"], own, chest, ends)[sure].tolist()
            errors["short for long"] += misses(real["short_offsets"], own, chest, ends)[
                sure
            ].tolist()
    median = {name: float(np.median(values)) for name, values in errors.items()}
    assert np.mean(hits) > 0.9
    assert median["short"] < 4
    assert max(median["forward"], median["backward"]) < 22
    assert min(median["x before y"], median["wrong way"]) > 40
    if "long_offsets" in real:
        assert median["long"] < 22
        assert median["short for long"] > 1.5 * median["long"]


@pytest.mark.parametrize("name", BODYPIX_FILES)
def test_people_are_where_segments_and_parts_say(
    models: Path, photo: Rgb, reference: np.ndarray, name: str
) -> None:
    heads, _ = Network.open(models / name, CPU, long_side=481, threads=2).infer(photo)
    real = real_heads(heads)
    assert real["segments"][0, 0, 0] < 0
    for pose in reference:
        ((row, column),), _ = cells_of(pose[[5, 6, 11, 12]].mean(axis=0)[None], heads)
        assert real["segments"][row, column, 0] > 0
        assert PART_NAMES[real["part_heatmaps"][row, column].argmax()].startswith("torso")


def test_a_pose_network_has_no_parts(models: Path, photo: Rgb) -> None:
    network = Network.open(models / POSENET_FILE, CPU, long_side=481, threads=1)
    heads, _ = network.infer(photo)
    assert not network.info.has_parts
    assert heads.long_offsets is None
    assert heads.segments is None
    assert heads.part_heatmaps is None


def test_heads_are_safe_after_the_next_frame(models: Path, photo: Rgb) -> None:
    network = Network.open(models / BODYPIX_FILES[0], CPU, long_side=257, threads=1)
    heads, _ = network.infer(photo)
    kept = {name: getattr(heads, name).values.copy() for name in ALL_HEADS}
    network.infer(photo[::-1].copy())
    for name, values in kept.items():
        np.testing.assert_array_equal(getattr(heads, name).values, values)


def test_frames_of_many_sizes_in_turn_give_what_a_fresh_network_gives(
    models: Path, photo: Rgb
) -> None:
    """More sizes than interpreters are kept for, so that interpreters change their size too."""
    path = models / BODYPIX_FILES[0]
    sizes = [(640, 480), (480, 640), (320, 320), (640, 360), (333, 500), (640, 480), (97, 480)]
    network = Network.open(path, CPU, long_side=257, threads=2)
    for size in sizes:
        frame = cv2.resize(photo, size)
        fresh, _ = Network.open(path, CPU, long_side=257, threads=1).infer(frame)
        assert same(network.infer(frame)[0], fresh)
        assert fresh.placement.frame_size == size
    assert len(network._interpreters) <= 4


def test_name_and_checksum_come_from_the_file(models: Path, tmp_path: Path) -> None:
    path = tmp_path / "renamed.tflite"
    shutil.copy(models / BODYPIX_FILES[3], path)
    info = Network.open(path, CPU, threads=1).info
    assert info.name == "renamed"
    assert info.sha256 == "0665ce6cee6e726bc9e9b2f2b4114c0749e005967f52546b9c5c68ab4aec71fe"
    assert Network.open(models / BODYPIX_FILES[3], CPU, threads=1).info.name == "bodypix-075-640"


def tiny(folder: Path, **options: object) -> Path:
    path = folder / "tiny.tflite"
    path.write_bytes(tiny_network.build(**options))  # type: ignore[arg-type]
    return path


@settings(max_examples=12)
@given(
    stride=st.sampled_from([4, 8, 16, 32]),
    columns=st.integers(2, 6),
    rows=st.integers(2, 6),
    seed=st.integers(0, 99),
)
@pytest.mark.parametrize("dtype", ["float32", "int8"])
def test_other_strides_and_types_give_the_numbers_worked_out_by_hand(
    tmp_path_factory: pytest.TempPathFactory,
    dtype: str,
    stride: int,
    columns: int,
    rows: int,
    seed: int,
) -> None:
    path = tiny(tmp_path_factory.mktemp("tiny"), dtype=dtype, stride=stride, size=(129, 97))
    size = ((columns - 1) * stride + 1, (rows - 1) * stride + 1)
    network = Network.open(path, CPU, long_side=max(size), threads=1)
    assert network.info.stride == stride
    assert network.info.fixed_size is None
    rgb = np.random.default_rng(seed).integers(0, 256, (size[1], size[0], 3), dtype=np.uint8)
    real = real_heads(network.infer(rgb)[0])
    for index, (name, channels) in enumerate(tiny_network.BODYPIX_HEADS):
        expected = tiny_network.expected(rgb, index, channels, stride)
        tolerance = 1e-4 if dtype == "float32" else 0.04
        np.testing.assert_allclose(real[name], expected, atol=tolerance)


@pytest.mark.parametrize("size", [(64, 48), (65, 49)])
def test_a_network_of_one_size_gets_its_frames_letterboxed(
    tmp_path: Path, size: tuple[int, int]
) -> None:
    """Also where the size is not `stride * k + 1`, as in the files for Edge TPUs."""
    path = tiny(tmp_path, fixed=True, size=size)
    network = Network.open(path, CPU, long_side=641, threads=1)
    assert network.info.fixed_size == size
    assert network.info.trim is None, "a reshape inside holds it to its size"
    assert network.info.stride == 8
    rgb = np.random.default_rng(2).integers(0, 256, (size[1], size[0], 3), dtype=np.uint8)
    heads, _ = network.infer(rgb)
    assert heads.placement.input_size == size
    expected = tiny_network.expected(rgb, 0, 17, 8)
    np.testing.assert_allclose(heads.heatmaps.dequantised(), expected, atol=1e-4)
    tall, _ = network.infer(cv2.resize(rgb, (24, 96)))
    padding = tall.heatmaps.values[:, 4:]
    black = tiny_network.expected(np.zeros((1, 1, 3), np.uint8), 0, 17, 8)
    np.testing.assert_allclose(padding, np.broadcast_to(black, padding.shape), atol=1e-4)


def test_a_network_that_cannot_be_trimmed_is_used_as_it_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*_: object) -> bytes:
        raise ModelError("an operator that nobody expected")

    monkeypatch.setattr("inference.network.for_input_size", fails)
    network = Network.open(tiny(tmp_path, fixed=True, size=(64, 64)), CPU, threads=1)
    assert network.info.trim is None
    heads, _ = network.infer(np.zeros((48, 64, 3), np.uint8))
    assert heads.placement.input_size == (64, 64)


def test_names_decide_between_short_and_long_and_order_where_names_say_nothing(
    tmp_path: Path,
) -> None:
    rgb = np.random.default_rng(1).integers(0, 256, (49, 65, 3), dtype=np.uint8)
    swapped = [*tiny_network.BODYPIX_HEADS]
    swapped[1], swapped[5] = swapped[5], swapped[1]
    heads, _ = Network.open(tiny(tmp_path, heads=swapped), CPU, long_side=65).infer(rgb)
    assert heads.long_offsets is not None
    long_first = tiny_network.expected(rgb, 1, 34, 8)
    np.testing.assert_allclose(heads.long_offsets.dequantised(), long_first, atol=1e-4)

    nameless = [(f"Identity_{n}", channels) for n, (_, channels) in enumerate(swapped)]
    heads, _ = Network.open(tiny(tmp_path, heads=nameless), CPU, long_side=65).infer(rgb)
    np.testing.assert_allclose(heads.short_offsets.dequantised(), long_first, atol=1e-4)


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"heads": [("heatmaps", 17)]}, "lacks short_offsets .34 channels., mid_offsets"),
        ({"heads": tiny_network.BODYPIX_HEADS[:4]}, "lacks long_offsets .34 channels., part_heat"),
        ({"strides": {"segments": 4}}, "outputs differ in size"),
        ({"size": (9, 9), "stride": 16}, "single cells"),
    ],
)
def test_what_is_not_like_bodypix_is_told_what_it_lacks(
    tmp_path: Path, options: dict[str, object], sentence: str
) -> None:
    with pytest.raises(ModelError, match=sentence):
        Network.open(tiny(tmp_path, **options), CPU)


@pytest.mark.parametrize(
    "name", ["deeplabv3_mnv2_pascal_quant.tflite", "movenet_single_pose_lightning_ptq.tflite"]
)
def test_other_peoples_networks_are_refused(models: Path, name: str) -> None:
    with pytest.raises(ModelError, match=rf"^{name}: .*not a BodyPix-like network: it lacks heat"):
        Network.open(models / name, CPU)


def test_files_that_cannot_be_read_are_named(models: Path, tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"nowhere\.tflite cannot be read \(No such file"):
        Network.open(tmp_path / "nowhere.tflite", CPU)
    with pytest.raises(ModelError, match="cannot be read"):
        Network.open(tmp_path, CPU)
    with pytest.raises(ModelError, match=r"test_image\.bmp: This is not a TFLite file"):
        Network.open(models / "test_image.bmp", CPU)


@pytest.mark.parametrize("share", [0.01, 0.3, 0.9, 0.999])
def test_a_download_cut_short_is_called_damaged(models: Path, tmp_path: Path, share: float) -> None:
    content = (models / BODYPIX_FILES[0]).read_bytes()
    path = tmp_path / "short.tflite"
    path.write_bytes(content[: int(len(content) * share)])
    with pytest.raises(ModelError, match=r"^short\.tflite: The TFLite file is damaged"):
        Network.open(path, CPU)


def test_damage_that_only_the_runtime_notices_is_a_sentence(tmp_path: Path) -> None:
    content = tiny_network.build()
    path = tmp_path / "flipped.tflite"
    path.write_bytes(content.replace(b"long_offsets", b"long_off\xccets"))
    with pytest.raises(ModelError, match=r"^flipped\.tflite: The runtime cannot prepare"):
        Network.open(path, CPU)


def test_an_edge_tpu_gives_what_the_same_network_gives_on_a_cpu(
    two_edgetpus: ModuleType, models: Path, photo: Rgb
) -> None:
    network = Network.open(models / EDGETPU_FILE, Device("edgetpu", 1), long_side=257)
    assert network.info.edgetpu
    assert network.info.fixed_size == (640, 480)
    assert network.info.name == "bodypix-075-640-edgetpu"
    heads, _ = network.infer(photo)
    assert heads.placement.input_size == (640, 480)
    assert heads.heatmaps.values.shape == (31, 41, 17)
    tall, _ = network.infer(cv2.resize(photo, (300, 900)))
    assert tall.placement.input_size == (640, 480)
    assert tall.segments is not None
    assert heads.segments is not None
    right_half = tall.segments.dequantised()[:, 21:]
    assert right_half.max() < 0, "the padding beside a letterboxed frame holds nobody"
    assert heads.segments.dequantised().max() > 0


def test_an_unplugged_edge_tpu_is_a_sentence_and_the_network_is_marked(
    two_edgetpus: ModuleType, models: Path, photo: Rgb
) -> None:
    network = Network.open(models / EDGETPU_FILE, Device("edgetpu", 0))
    network.infer(photo)
    two_edgetpus.CONNECTED.remove(0)
    with pytest.raises(DeviceError, match="edgetpu:0 stopped answering: plug it in again"):
        network.infer(photo)
    assert network.failed


def test_an_edge_tpu_that_goes_while_it_is_opened_is_a_sentence(
    two_edgetpus: ModuleType, models: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def unplugged(self: object) -> None:
        raise RuntimeError("Failed to allocate tensors.")

    monkeypatch.setattr(two_edgetpus._EdgeTpu, "allocate_tensors", unplugged, raising=False)
    with pytest.raises(DeviceError, match="edgetpu:1 stopped answering"):
        Network.open(models / EDGETPU_FILE, Device("edgetpu", 1))


def test_the_cpu_version_of_an_edgetpu_file_is_not_for_the_edge_tpu(
    two_edgetpus: ModuleType, models: Path
) -> None:
    with pytest.raises(ModelError, match="works on the CPU only"):
        Network.open(models / CPU_FILE, Device("edgetpu", 0))
