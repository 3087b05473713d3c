"""Cutting the decoder off, checked against packing the whole file anew, and against damage."""

import os
from contextlib import suppress
from pathlib import Path

import flatbuffers
import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema
from ai_edge_litert.interpreter import Interpreter
from hypothesis import given, settings
from hypothesis import strategies as st

from inference.errors import ModelError
from inference.flatbuffer import (
    DECODER_OPERATOR,
    EDGETPU_OPERATOR,
    custom_operators,
    cut_custom_decoder,
)
from tests.inference import tiny_network

DECODER_FILES = {
    "bodypix_mobilenet_v1_075_512_512_16_quant_decoder.tflite": [17, 34, 64, 34, 1, 24],
    "bodypix_mobilenet_v1_075_640_480_16_quant_decoder.tflite": [17, 34, 64, 34, 1, 24],
    "bodypix_mobilenet_v1_075_640_480_16_quant_decoder_edgetpu.tflite": [17, 34, 64, 34, 1, 24],
    "posenet_mobilenet_v1_075_353_481_16_quant_decoder.tflite": [17, 34, 64],
}


def unpack(model: bytes) -> schema.ModelT:
    return schema.ModelT.InitFromObj(schema.Model.GetRootAs(model))


def packed_anew(model: bytes) -> bytes:
    """The same cut by the other way: unpack everything, drop the operator, pack everything."""
    tree = unpack(model)
    graph = tree.subgraphs[0]
    decoder = graph.operators.pop()
    kept = [tensor for tensor in graph.outputs if tensor not in decoder.outputs]
    graph.outputs = [*decoder.inputs, *kept]
    builder = flatbuffers.Builder(len(model))
    builder.Finish(tree.Pack(builder), b"TFL3")
    return bytes(builder.Output())


def run(model: bytes, picture: np.ndarray) -> list[np.ndarray]:
    interpreter = Interpreter(model_content=model, num_threads=1)
    interpreter.allocate_tensors()
    interpreter.set_tensor(interpreter.get_input_details()[0]["index"], picture[None])
    interpreter.invoke()
    return [interpreter.get_tensor(d["index"]) for d in interpreter.get_output_details()]


@pytest.mark.parametrize("name", DECODER_FILES)
def test_heads_become_the_outputs(models: Path, name: str) -> None:
    graph = unpack(cut_custom_decoder((models / name).read_bytes())).subgraphs[0]
    outputs = [graph.tensors[index] for index in graph.outputs]
    assert [int(tensor.shape[-1]) for tensor in outputs] == DECODER_FILES[name]
    names = [tensor.name.decode() for tensor in outputs]
    expected = ["heatmaps", "short_offsets", "mid_offsets", "long_offsets"]
    expected += ["segments", "part_heatmaps"]
    assert names == [f"float_{head}" for head in expected if f"float_{head}" in names]
    assert len(names) == len(DECODER_FILES[name])


@pytest.mark.parametrize("name", [name for name in DECODER_FILES if "edgetpu" not in name])
def test_a_cut_file_runs_and_says_what_a_file_packed_anew_says(models: Path, name: str) -> None:
    model = (models / name).read_bytes()
    with pytest.raises(RuntimeError, match=DECODER_OPERATOR):
        Interpreter(model_content=model).allocate_tensors()
    cut = cut_custom_decoder(model)
    shape = unpack(model).subgraphs[0].tensors[0].shape[1:]
    picture = np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)
    for ours, reference in zip(run(cut, picture), run(packed_anew(model), picture), strict=True):
        np.testing.assert_array_equal(ours, reference)
        assert len(np.unique(ours)) > 2


def test_the_compiled_part_of_an_edgetpu_file_stays(models: Path) -> None:
    name = "bodypix_mobilenet_v1_075_640_480_16_quant_decoder_edgetpu.tflite"
    model = (models / name).read_bytes()
    before, after = unpack(model).subgraphs[0], unpack(cut_custom_decoder(model)).subgraphs[0]
    assert set(custom_operators(model)) == {EDGETPU_OPERATOR, DECODER_OPERATOR}
    assert len(before.operators) == 2
    assert len(after.operators) == 1
    np.testing.assert_array_equal(
        before.operators[0].customOptions, after.operators[0].customOptions
    )


@pytest.mark.parametrize("name", DECODER_FILES)
def test_weights_stay_where_they_were(models: Path, name: str) -> None:
    model = (models / name).read_bytes()
    cut = np.frombuffer(cut_custom_decoder(model)[: len(model)], np.uint8)
    assert np.count_nonzero(cut != np.frombuffer(model, np.uint8)) <= 8


def test_a_file_without_a_decoder_comes_back_as_it_is(models: Path) -> None:
    model = (models / "bodypix_mobilenet_v1_075_720_1280_16_quant.tflite").read_bytes()
    assert cut_custom_decoder(model) is model
    assert cut_custom_decoder(cut_custom_decoder(tiny_network.build())) == tiny_network.build()


@pytest.mark.parametrize("name", DECODER_FILES)
def test_cutting_twice_changes_nothing(models: Path, name: str) -> None:
    once = cut_custom_decoder((models / name).read_bytes())
    assert cut_custom_decoder(once) is once


@pytest.mark.parametrize(
    "content",
    [b"", b"TFL3", b"PK\x03\x04 a zip file", b"\x00" * 64, b"<!doctype html><title>404</title>"],
)
def test_what_is_no_tflite_file_is_called_so(content: bytes) -> None:
    with pytest.raises(ModelError, match="not a TFLite file"):
        cut_custom_decoder(content)


@given(st.binary(max_size=200))
def test_rubbish_behind_the_right_mark_is_called_damaged(rubbish: bytes) -> None:
    with pytest.raises(ModelError, match="damaged"):
        cut_custom_decoder(b"\xff\xff\x00\x00TFL3" + rubbish)


needs_models = pytest.mark.skipif(
    not os.environ.get("UNDERSTUDY_MODELS"),
    reason="UNDERSTUDY_MODELS is not set: this test needs data that is not in the repository",
)


@needs_models
@settings(max_examples=150)
@given(st.data())
def test_damage_anywhere_gives_a_sentence_or_a_file(data: st.DataObject) -> None:
    """Cut short or with a byte changed where the tables are: never a raw error."""
    folder = Path(os.environ["UNDERSTUDY_MODELS"])
    model = bytearray((folder / sorted(DECODER_FILES)[-1]).read_bytes())
    if data.draw(st.booleans()):
        del model[data.draw(st.integers(0, len(model) - 1)) :]
    for position in data.draw(st.lists(st.integers(-4000, 4000), max_size=20)):
        if -len(model) <= position < len(model):
            model[position] = data.draw(st.integers(0, 255))
    with suppress(ModelError):
        assert isinstance(cut_custom_decoder(bytes(model)), bytes)
