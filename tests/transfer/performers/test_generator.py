"""The generator, its input, and its face stage."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from transfer.performers.condition import CHANNELS, PARTS, Ingredients
from transfer.performers.face import FaceStage, cut_faces
from transfer.performers.generator import GENERATORS, Generator, encode
from transfer.performers.trained import load_generator, save_generator
from transfer.performers.trained_files import WEIGHTS_NAME, base_generator


def test_the_condition_is_encoded_channel_by_channel() -> None:
    parts = torch.randint(0, 25, (2, 32, 32), dtype=torch.uint8)
    limbs = torch.randint(0, 256, (2, 32, 32, 3), dtype=torch.uint8)
    previous = torch.rand(2, 4, 32, 32)
    x = encode(parts, limbs, previous, Ingredients(previous=True))
    assert x.shape == (2, CHANNELS, 32, 32)
    assert torch.equal(x[:, :PARTS].argmax(1).byte(), parts)
    assert torch.equal(x[:, :PARTS].sum(1), torch.ones(2, 32, 32))
    assert torch.equal((x[:, PARTS:-4] * 255).round().byte(), limbs.permute(0, 3, 1, 2))
    assert torch.equal(x[:, -4:], previous)
    without = encode(parts, limbs, previous, Ingredients(parts=False))
    assert without[:, :PARTS].abs().sum() == without[:, -4:].abs().sum() == 0


def test_the_generator_never_makes_colour_without_alpha() -> None:
    made = Generator(GENERATORS["realtime"])(torch.rand(2, CHANNELS, 64, 64))
    assert made.shape == (2, 4, 64, 64)
    assert (made[:, :3] <= made[:, 3:]).all()
    assert made.min() >= 0
    assert made[:, 3].max() <= 1


def test_the_face_stage_changes_the_face_alone() -> None:
    torch.manual_seed(0)
    stage = FaceStage().eval()
    layer = torch.rand(2, 4, 96, 96)
    layer[:, :3] *= layer[:, 3:]
    x = torch.rand(2, CHANNELS, 96, 96)
    faces = torch.tensor([[40.0, 30.0, 24.0], [0.0, 0.0, 0.0]])
    with torch.no_grad():
        assert torch.allclose(stage(layer, x, faces), layer, atol=1e-6)
        torch.nn.init.normal_(stage.out.weight, std=1.0)
        made = stage(layer, x, faces)
    assert torch.allclose(made[1], layer[1], atol=1e-6)
    changed = (made[0] - layer[0]).abs().amax(0) > 1e-5
    rows, columns = torch.nonzero(changed, as_tuple=True)
    assert changed.sum() > 100
    assert rows.min() >= 17
    assert rows.max() <= 43
    assert columns.min() >= 27
    assert columns.max() <= 53
    assert (made[:, :3] <= made[:, 3:] + 1e-6).all()


def test_the_enhancer_begins_with_what_half_the_size_draws_and_adds_detail(tmp_path: Path) -> None:
    torch.manual_seed(0)
    coarse = Generator(GENERATORS["realtime"]).eval()
    fine = Generator(GENERATORS["realtime"], enhancer=True).eval()
    assert fine.enhancer is not None
    fine.load_state_dict(coarse.state_dict(), strict=False)
    x = torch.rand(1, CHANNELS, 64, 64)
    small = torch.nn.functional.avg_pool2d(x, 2)
    with torch.no_grad():
        wanted = torch.logit(coarse.unweighted(small)).repeat_interleave(2, 2)
        made = torch.logit(fine.unweighted(x))
        assert torch.allclose(made, wanted.repeat_interleave(2, 3), atol=1e-4)
        torch.nn.init.normal_(fine.enhancer.out.weight, std=0.1)
        squares = torch.pixel_unshuffle(fine.unweighted(x)[:, :1], 2)
        assert squares.std(1).max() > 1e-3
        save_generator(fine, tmp_path / WEIGHTS_NAME)
        again = load_generator(tmp_path / WEIGHTS_NAME)
        assert torch.allclose(again(x), fine(x), atol=1e-5)


def test_a_face_is_cut_out_where_it_is() -> None:
    picture = torch.zeros(1, 1, 96, 96)
    picture[..., 20:40, 50:70] = 1
    cut = cut_faces(picture, torch.tensor([[59.5, 29.5, 20.0]]))
    assert cut.shape == (1, 1, 64, 64)
    assert cut[..., 2:-2, 2:-2].min() > 0.99
    assert cut_faces(picture, torch.tensor([[59.5, 29.5, 40.0]])).mean() == pytest.approx(
        0.25, abs=0.02
    )


def test_the_base_generator_is_small_and_of_this_version() -> None:
    path = base_generator("realtime")
    assert path.stat().st_size < 8_000_000
    generator = load_generator(path)
    assert generator.preset == GENERATORS["realtime"]
    assert next(generator.parameters()).dtype == torch.float32
    assert not base_generator("quality").exists()
