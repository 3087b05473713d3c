"""The encoder follows the line: rate, size and number of pictures, and bounded key frames."""

import av
import numpy as np
import pytest

from server.live import encoder as encoder_module
from server.live import x264_rate
from server.live.encoder import H264Encoder
from server.live.jpeg_encoder import JpegEncoder
from server.live.picture_policy import PicturePolicy


def noise(count: int, size: tuple[int, int] = (640, 480)) -> list[np.ndarray]:
    """Moving pictures that cost as many bits as they are given."""
    rng = np.random.default_rng(5)
    width, height = size
    coarse = rng.integers(40, 200, (height // 16 + 4, width // 16 + 4)).astype(np.uint8)
    frames = []
    for i in range(count):
        big = np.kron(coarse, np.ones((16, 16), np.uint8))
        luma = big[i % 32 : i % 32 + height, 2 * i % 32 : 2 * i % 32 + width]
        luma = luma + rng.integers(0, 12, luma.shape, np.uint8)
        frames.append(np.concatenate([luma, np.full((height // 2, width), 128, np.uint8)]))
    return frames


@pytest.fixture
def clock(monkeypatch) -> list[float]:
    """`clock[0]` is the encoder's time."""
    now = [1000.0]
    monkeypatch.setattr(encoder_module.time, "monotonic", lambda: now[0])
    return now


def kbps(encoder: H264Encoder, frames, clock, begin: int, bps: float) -> float:
    """What comes out of a second of pictures, after half a second to settle."""
    encoder.line_bps = bps
    sizes = []
    for i, frame in enumerate(frames[:45]):
        clock[0] += 1 / 30
        packet = encoder.encode(frame, (begin + i) * 3000)
        sizes.append(0 if packet is None else packet.size)
    return sum(sizes[15:]) * 8 / 1000


def test_the_rate_is_followed_down_and_up_within_half_a_second(clock):
    encoder, frames = H264Encoder(3000), noise(45)
    for turn, wanted in enumerate((3000, 900, 2500, 1200, 3000)):
        measured = kbps(encoder, frames, clock, 45 * turn, wanted * 1000)
        assert 0.75 * wanted < measured < 1.2 * wanted, wanted


def test_an_unknown_pyav_reopens_the_encoder_now_and_then(clock, monkeypatch):
    monkeypatch.setattr(x264_rate, "_libavutil", lambda: None)
    encoder, frames = H264Encoder(3000), noise(45)
    kbps(encoder, frames, clock, 0, 3e6)
    kbps(encoder, frames, clock, 45, 1e6)
    clock[0] += 3
    assert kbps(encoder, frames, clock, 90, 1e6) < 1300


def test_a_thin_line_gets_small_pictures_and_fewer_and_back_with_hysteresis(clock):
    encoder, frames = H264Encoder(3000), noise(45)
    decoder = av.CodecContext.create("h264", "r")
    sizes = []
    for turn, bps in enumerate((3e6, 5e5, 7e5, 9e5)):
        encoder.line_bps = bps
        for i, frame in enumerate(frames):
            clock[0] += 1 / 10
            packet = encoder.encode(frame, (45 * turn + i) * 3000)
            sizes += [one.width for one in decoder.decode(packet)] if packet is not None else []
    changes = [b for a, b in zip([0, *sizes], sizes, strict=False) if a != b]
    assert changes == [640, 320, 640]
    assert sizes[45 * 2 : 45 * 3] == [320] * 45  # Seven hundred is not enough to go back.
    encoder.line_bps = 2e5
    sent = [encoder.encode(frame, 10**7 + 3000 * i) for i, frame in enumerate(frames[:32])]
    assert sum(packet is not None for packet in sent) == 24


def test_a_storm_of_requests_is_a_key_frame_each_third_of_a_second(clock):
    encoder, frames = H264Encoder(3000), noise(45)
    keys = 0
    for i, frame in enumerate(frames[:30]):
        clock[0] += 1 / 30
        encoder.request_key_frame()
        packet = encoder.encode(frame, i * 3000)
        keys += packet is not None and b"\0\0\0\1\x67" in bytes(packet)[:64]
    assert 3 <= keys <= 4


def test_no_frame_is_larger_than_its_buffer(clock):
    encoder, frames = H264Encoder(3000), noise(45)
    encoder.line_bps = 1e6
    for i, frame in enumerate(frames):
        clock[0] += 1 / 30
        if i == 20:
            encoder.request_key_frame()
        packet = encoder.encode(frame, i * 3000)
        assert packet is not None
        assert packet.size * 8 < 1.15 * 1e6 * encoder_module.VBV_SECONDS


def test_jpeg_pictures_fit_the_line_too():
    encoder, frames = JpegEncoder(), noise(40)
    encoder.line_bps = 4e6
    sizes = [encoder.encode(frame, i * 3000).size for i, frame in enumerate(frames)]
    assert sum(sizes[-10:]) / 10 * 8 * 20 < 1.4 * 4e6
    encoder.line_bps = 1e6
    small = av.CodecContext.create("mjpeg", "r").decode(encoder.encode(frames[0], 200_000))
    assert small[0].width == 320


def test_the_policy_stands_still_at_its_borders():
    policy, changes, before = PicturePolicy(), 0, False
    for i in range(600):
        policy.update(600_000 + 100_000 * np.sin(i / 5), 640 * 480, i / 30)
        changes += policy.small != before
        before = policy.small
    assert changes == 1


def test_large_pictures_shrink_earlier():
    policy = PicturePolicy()
    policy.update(1_500_000, 1280 * 720, 0.0)
    assert policy.small
