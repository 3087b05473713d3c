"""The generator, and its input."""

from __future__ import annotations

import torch

from transfer.performers.condition import CHANNELS, PARTS, Ingredients
from transfer.performers.generator import GENERATORS, Generator, encode
from transfer.performers.trained import load_generator
from transfer.performers.trained_files import BASE_GENERATOR


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


def test_the_base_generator_is_small_and_of_this_version() -> None:
    assert BASE_GENERATOR.stat().st_size < 8_000_000
    generator = load_generator(BASE_GENERATOR)
    assert generator.preset == GENERATORS["realtime"]
    assert next(generator.parameters()).dtype == torch.float32
