"""MoveNet's weights as its publisher keeps them, and the network they make."""

import json
import os
from pathlib import Path

import numpy as np
import onnxruntime
import pytest
import torch
from onnx import TensorProto, helper

from inference.teachers import named, problem_with_files
from tests.training.network import tiny_movenet
from training.errors import TrainingError
from training.network.coco_people import read_annotations
from training.network.metrics import hits
from training.network.movenet import CHANNELS, HEADS, PYRAMID, MoveNet, Same
from training.network.pose_teachers import MultiPose, Thunder, everybody
from training.network.sources import read_photo
from training.network.tfjs import read_graph


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_movenet.write(tmp_path_factory.mktemp("movenet"))


def test_taps_and_heads_have_the_sizes_that_are_documented(written: Path) -> None:
    network = MoveNet(read_graph(written).convolutions).eval()
    x = torch.zeros(1, 3, 64, 96)
    with torch.inference_mode():
        *taps, end = network.trunk(x)
        heads = network(x)
    for (stride, channels), tap in zip(CHANNELS.items(), taps, strict=True):
        assert tap.shape == (1, channels, 64 // stride, 96 // stride)
    assert end.shape == (1, PYRAMID, 16, 24)
    assert {name: head.shape[1] for name, head in heads.items()} == HEADS
    assert all(head.shape[2:] == (16, 24) for head in heads.values())


def test_a_network_for_one_person_has_the_heads_that_its_file_has(tmp_path: Path) -> None:
    four = ("center", "kpt_heatmap", "kpt_regress", "kpt_offset")
    path = tiny_movenet.write(tmp_path, "movenet-thunder", four)
    assert tuple(MoveNet(read_graph(path).convolutions).heads) == four


@pytest.mark.parametrize(("size", "stride"), [(3, 1), (3, 2), (1, 1)])
def test_padding_is_tensorflows(size: int, stride: int) -> None:
    """Against onnxruntime, whose SAME_UPPER is TensorFlow's SAME."""
    torch.manual_seed(0)
    layer = Same(4, 6, size, stride)
    x = torch.randn(1, 4, 16, 24)
    weights = [helper.make_tensor("w", TensorProto.FLOAT, list(layer.weight.shape),
                                  layer.weight.detach().numpy().ravel()),
               helper.make_tensor("b", TensorProto.FLOAT, [6],
                                  layer.bias.detach().numpy())]  # fmt: skip
    node = helper.make_node(
        "Conv", ["x", "w", "b"], ["y"], auto_pad="SAME_UPPER", strides=[stride, stride]
    )
    ends = [helper.make_tensor_value_info(name, TensorProto.FLOAT, None) for name in "xy"]
    graph = helper.make_graph([node], "one", ends[:1], ends[1:], weights)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 15)], ir_version=8)
    session = onnxruntime.InferenceSession(model.SerializeToString())
    (expected,) = session.run(None, {"x": x.numpy()})
    np.testing.assert_allclose(layer(x).detach().numpy(), expected, atol=1e-5)


def test_its_pictures_are_scaled_as_this_projects_are(written: Path) -> None:
    """(v - 127.5) / 127.5 before the stem is what the publisher means."""
    graph = read_graph(written)
    stem = MoveNet(graph.convolutions).trunk.stem
    v = torch.randint(0, 256, (1, 3, 8, 8)).float()
    weight, bias = (torch.from_numpy(one) for one in
                    (graph.convolutions[0].weight, graph.convolutions[0].bias))  # fmt: skip
    theirs = torch.nn.functional.conv2d((v - 127.5) / 127.5, weight, bias, 2)
    ours = torch.nn.functional.conv2d((v - 128) / 128, stem.weight, stem.bias, 2)
    torch.testing.assert_close(ours, theirs, atol=1e-5, rtol=1e-4)


def test_quantised_weights_are_scaled_back(written: Path, tmp_path: Path) -> None:
    model = json.loads(written.read_text())
    entry = model["weightsManifest"][0]["weights"][0]
    count = int(np.prod(entry["shape"]))
    entry["quantization"] = {"dtype": "uint8", "scale": 0.5, "min": -3.0}
    data = written.with_suffix(".bin").read_bytes()
    (tmp_path / "m.json").write_text(json.dumps(model))
    (tmp_path / "m.bin").write_bytes(bytes([7] * count) + data[2 * count :])
    first = read_graph(tmp_path / "m.json").convolutions[0]
    np.testing.assert_allclose(first.weight, 0.5)


@pytest.mark.parametrize(
    "damage",
    [
        lambda path: path.write_text("{"),
        lambda path: path.write_text("{}"),
        lambda path: path.with_suffix(".bin").write_bytes(b"12345678"),
        lambda path: path.with_suffix(".bin").unlink(),
    ],
)
def test_damaged_files_are_told(tmp_path: Path, damage: object) -> None:
    path = tiny_movenet.write(tmp_path)
    damage(path)  # type: ignore[operator]
    with pytest.raises(TrainingError, match=r"damaged or no TensorFlow.js|cannot be read"):
        read_graph(path)


def test_another_network_is_told(written: Path) -> None:
    with pytest.raises(TrainingError, match="not MoveNet"):
        MoveNet(read_graph(written).convolutions[:40])


@pytest.mark.slow
def test_the_real_ones_find_people(shared: Path) -> None:
    """PCK of COCO's people with their boxes unknown: BodyPix reaches 0.84."""
    for name in ("movenet-multipose", "movenet-thunder"):
        model = named(name)
        assert model is not None
        if problem_with_files(model):
            pytest.skip(f"{name} is not in {os.environ.get('UNDERSTUDY_MODELS')}")
    folder = shared / "data" / "coco_person"
    path = folder / "person_keypoints.json"
    finder, closer, right = MultiPose(), Thunder(), []
    annotated = sorted(read_annotations(json.loads(path.read_bytes()), path).items())
    for name, people in annotated[:8]:
        found = everybody(read_photo(folder / "images" / name), finder, closer)
        for one in people:
            true = np.array(one["keypoints"], np.float32).reshape(17, 3)
            true[:, 2] = true[:, 2] == 2
            if true[:, 2].sum() < 8 or one["bbox"][3] < 96:
                continue
            known = true[:, 2] > 0
            best = min(found, key=lambda f: float(np.abs((f.keypoints - true)[known, :2]).sum()))
            right += hits(best.keypoints, true, 0.2 * max(one["bbox"][2:]) / 2).tolist()
    assert len(right) > 50
    assert np.mean(right) > 0.88
