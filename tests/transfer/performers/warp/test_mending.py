"""What a mender is told, and what becomes of what it says."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from tests.puppet import pose
from transfer.errors import TransferError
from transfer.performers.warp.composition import Warped
from transfer.performers.warp.mending import (
    ALPHA,
    CHANNELS,
    FILLED,
    PLANES,
    SIZE,
    Mended,
    MendingInput,
    WithoutNetwork,
    believed,
    filled,
    mended_layer,
    mending_input,
)
from transfer.performers.warp.network import (
    FloatMender,
    MendingNetwork,
    encode,
    layer_of,
    load_network,
    save_network,
)


def disc(size: int = 512) -> Warped:
    """A red dancer with a hole in the middle."""
    y, x = np.mgrid[:size, :size]
    away = np.hypot(x - size / 2, y - size / 2) / size
    alpha = np.where((away < 0.3) & (away > 0.02), 255, 0).astype(np.uint8)
    colour = np.zeros((size, size, 3), np.uint8)
    colour[alpha > 0] = (200, 30, 10)
    return Warped(colour, alpha, alpha, np.zeros_like(alpha))


def inputs(warped: Warped) -> MendingInput:
    parts = np.full(warped.alpha.shape, 13, np.uint8)
    return mending_input(parts, pose(), warped)


def test_holes_take_the_colours_around_them_and_alpha_closes() -> None:
    given = inputs(disc())
    np.testing.assert_allclose(given.planes[128, 128, FILLED:], (200, 30, 10), atol=2)
    layer = mended_layer(disc(), given, WithoutNetwork().mend(given))
    assert layer[256, 256, 3] > 0.95 * 255
    np.testing.assert_allclose(layer[256, 256, :3], (200, 30, 10), atol=12)


def test_the_drivers_outline_says_nothing_far_from_the_references() -> None:
    given = inputs(disc())
    assert given.parts[128, 128] == 13
    assert given.parts[4, 4] == 0
    layer = mended_layer(disc(), given, WithoutNetwork().mend(given))
    assert layer[10, 10, 3] == 0


def test_rims_say_nothing_of_colours() -> None:
    """White that shines through a soft edge is not continued."""
    alpha = np.zeros((64, 64), np.uint8)
    alpha[16:48, 16:48], alpha[20:44, 20:44] = 120, 255
    colour = np.where(alpha[..., None] == 255, np.uint8(50), np.uint8(110)).repeat(3, 2)
    colour[alpha == 0] = 0
    assert filled(colour, alpha)[5, 5].max() < 60


def test_nothing_is_nothing() -> None:
    empty = Warped.of(np.zeros((300, 300, 6), np.uint8))
    given = inputs(empty)
    assert not given.parts.any()
    assert not mended_layer(empty, given, WithoutNetwork().mend(given)).any()
    nothing = np.zeros((256, 256), np.uint8)
    assert not believed(nothing + 13, nothing).any()


def test_a_drivers_hair_is_no_halo_of_the_double() -> None:
    """Around the references' outline a trunk is believed, a head less far."""
    alpha = np.zeros((256, 256), np.uint8)
    cv2.circle(alpha, (128, 128), 40, 255, -1)
    at = np.s_[128, 128 - 45]
    for label, there in ((1, 0), (2, 0), (13, 255)):
        found = believed(np.full((256, 256), label, np.uint8), alpha)
        assert found[at] == there
        assert found[128, 128] == 255
        assert found[128, 20] == 0


def test_where_nothing_is_to_be_mended_the_pixels_stay() -> None:
    random = np.random.default_rng(0)
    colour = random.integers(0, 255, (512, 512, 3), dtype=np.uint8)
    whole = np.full((512, 512), 255, np.uint8)
    warped = Warped(colour, whole, whole, np.zeros_like(whole))
    given = inputs(warped)
    none = np.zeros((SIZE, SIZE), np.float32)
    layer = mended_layer(warped, given, Mended(np.zeros((SIZE, SIZE, 3), np.uint8), none, none + 1))
    np.testing.assert_allclose(layer[..., :3], colour, atol=0.51)


def test_at_one_size_training_and_playing_make_the_same_layer() -> None:
    """`layer_of` in PyTorch and `mended_layer` in NumPy."""
    random = np.random.default_rng(1)
    alpha = random.integers(0, 256, (SIZE, SIZE), dtype=np.uint8)
    share = alpha[..., None].astype(np.float32) / 255
    colour = (random.integers(0, 256, (SIZE, SIZE, 3)) * share).astype(np.uint8)
    warped = Warped(colour, alpha, alpha, alpha)
    given = inputs(warped)
    torch.manual_seed(0)
    network = MendingNetwork().eval()
    torch.nn.init.normal_(network.out.weight, std=0.5)
    x = encode(torch.from_numpy(given.parts)[None], torch.from_numpy(given.planes)[None])
    assert x.shape == (1, CHANNELS, SIZE, SIZE)
    with torch.inference_mode():
        trained = layer_of(x, network(x))[0][0].permute(1, 2, 0).numpy()
    played = mended_layer(warped, given, FloatMender(network).mend(given))
    inside = alpha > 8
    # Rounded on its way, and nearly nothing is nothing.
    away = np.abs(played[inside] / 255 - trained[inside])
    assert np.quantile(away, 0.99) < 0.025
    assert away.max() < 0.06


def test_a_fresh_network_is_nearly_the_bare_warp() -> None:
    torch.manual_seed(0)
    given = inputs(disc())
    layer = mended_layer(disc(), given, FloatMender(MendingNetwork()).mend(given))
    ring = disc().alpha > 0
    np.testing.assert_allclose(layer[ring][:, :3], np.tile([200, 30, 10], (ring.sum(), 1)), atol=40)


def test_planes_are_as_many_as_said() -> None:
    given = inputs(disc())
    assert given.planes.shape == (SIZE, SIZE, PLANES)
    assert given.planes[128, 100, ALPHA] == 255


def test_weights_are_kept_whole_and_refused_of_another_version(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    network = MendingNetwork()
    save_network(network, tmp_path / "n.safetensors", half=True)
    assert (tmp_path / "n.safetensors").stat().st_size < 3_700_000
    again = load_network(tmp_path / "n.safetensors")
    torch.testing.assert_close(again.stem[0].weight, network.stem[0].weight, atol=1e-3, rtol=1e-2)
    (tmp_path / "broken.safetensors").write_bytes(b"no weights")
    with pytest.raises(TransferError, match="no mending network"):
        load_network(tmp_path / "broken.safetensors")
    monkeypatch.setattr("transfer.performers.warp.network.VERSION", 99)
    with pytest.raises(TransferError, match="train it again"):
        load_network(tmp_path / "n.safetensors")
