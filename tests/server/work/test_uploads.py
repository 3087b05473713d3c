"""Uploads: chunks at checked offsets, bounds, interruptions."""

import asyncio
import dataclasses

import pytest
from aiohttp import StreamReader
from aiohttp.base_protocol import BaseProtocol

from server.background import Background
from server.errors import Refused
from server.settings import Settings
from server.work import uploads as uploads_module
from server.work.uploads import Upload, Uploads


def stream(*pieces: bytes, broken: bool = False) -> StreamReader:
    loop = asyncio.get_running_loop()
    reader = StreamReader(BaseProtocol(loop), 2**20, loop=loop)
    for piece in pieces:
        reader.feed_data(piece)
    if broken:
        reader.set_exception(ConnectionResetError("gone"))
    else:
        reader.feed_eof()
    return reader


@pytest.fixture
async def uploads(tmp_path):
    background = Background(2)
    made = Uploads(
        Settings(data=tmp_path, max_upload_bytes=20_000_000, disk_floor_bytes=1), background
    )
    made.finished = []

    async def arrived(upload: Upload):
        made.finished.append((upload, upload.path.read_bytes()))
        return upload

    made.arrived = arrived
    yield made
    await made.close()
    background.close()


async def test_chunks_in_order_make_the_file(uploads):
    upload = uploads.begin("dance.mp4", 6, "import", None, None)
    assert await uploads.receive(upload, 0, stream(b"ab", b"c")) == 3
    assert await uploads.receive(upload, 3, stream(b"def")) == 6
    await uploads.finish(upload)
    assert uploads.finished[0][1] == b"abcdef"
    with pytest.raises(Refused):
        uploads.get(upload.id)


async def test_a_wrong_offset_says_where_to_go_on(uploads):
    upload = uploads.begin("dance.mp4", None, "import", None, None)
    await uploads.receive(upload, 0, stream(b"abc"))
    for offset in (0, 2, 4):
        with pytest.raises(Refused) as refused:
            await uploads.receive(upload, offset, stream(b"xyz"))
        assert refused.value.status == 409
        assert refused.value.body()["received"] == 3
    assert upload.path.read_bytes() == b"abc"


async def test_a_chunk_that_breaks_off_keeps_what_came(uploads):
    upload = uploads.begin("dance.mp4", None, "import", None, None)
    with pytest.raises(ConnectionResetError):
        await uploads.receive(upload, 0, stream(b"abc", broken=True))
    received = upload.received
    assert upload.path.read_bytes() if received else not upload.path.exists()
    assert await uploads.receive(upload, received, stream(b"abc"[received:])) == 3
    assert upload.path.read_bytes() == b"abc"


async def test_two_chunks_at_once_do_not_mix(uploads):
    upload = uploads.begin("dance.mp4", None, "import", None, None)
    loop = asyncio.get_running_loop()
    protocol = BaseProtocol(loop)
    protocol.transport = asyncio.Transport()
    slow = StreamReader(protocol, 2**20, loop=loop)
    slow.feed_data(b"abc")
    first = asyncio.create_task(uploads.receive(upload, 0, slow))
    await asyncio.sleep(0.05)
    with pytest.raises(Refused) as refused:
        await uploads.receive(upload, 0, stream(b"xyz"))
    assert refused.value.status == 409
    slow.feed_eof()
    assert await first == 3


@pytest.mark.parametrize("size", [20_000_001, 10**18])
async def test_too_large_is_refused_beforehand(uploads, size):
    with pytest.raises(Refused, match=r"0\.02 GB") as refused:
        uploads.begin("dance.mp4", size, "import", None, None)
    assert refused.value.status == 413


async def test_more_than_announced_or_allowed_is_refused(uploads, monkeypatch):
    monkeypatch.setattr(uploads_module, "CHUNK_SIZE", 10)
    announced = uploads.begin("dance.mp4", 5, "import", None, None)
    with pytest.raises(Refused):
        await uploads.receive(announced, 0, stream(b"123456"))
    chunk = uploads.begin("dance.mp4", None, "import", None, None)
    with pytest.raises(Refused):
        await uploads.receive(chunk, 0, stream(b"12345678901"))


async def test_incomplete_and_empty_files_are_not_finished(uploads):
    upload = uploads.begin("dance.mp4", 5, "import", None, None)
    await uploads.receive(upload, 0, stream(b"123"))
    with pytest.raises(Refused) as refused:
        await uploads.finish(upload)
    assert refused.value.body()["received"] == 3
    with pytest.raises(Refused, match="empty"):
        await uploads.finish(uploads.begin("dance.mp4", None, "import", None, None))


async def test_a_full_disk_is_said(uploads, tmp_path):
    uploads._settings = dataclasses.replace(uploads._settings, disk_floor_bytes=10**18)
    with pytest.raises(Refused, match="disk") as refused:
        uploads.begin("dance.mp4", 5, "import", None, None)
    assert refused.value.status == 507


async def test_there_is_an_end_to_how_many(uploads):
    for _ in range(uploads_module.MAX_AT_ONCE):
        uploads.begin("dance.mp4", None, "import", None, None)
    with pytest.raises(Refused) as refused:
        uploads.begin("dance.mp4", None, "import", None, None)
    assert refused.value.status == 503


async def test_a_recording_whose_browser_is_gone_is_analysed_as_far_as_it_came(
    tmp_path, monkeypatch
):
    monkeypatch.setattr(uploads_module, "IDLE_RECORDING_SECONDS", 0.1)
    monkeypatch.setattr(uploads_module, "SWEEP_SECONDS", 0.05)
    background = Background(1)
    uploads = Uploads(Settings(data=tmp_path, disk_floor_bytes=1), background)
    seen = asyncio.Event()

    async def arrived(upload: Upload):
        assert upload.path.read_bytes() == b"half a video"
        seen.set()

    uploads.arrived = arrived
    upload = uploads.begin("r.mp4", 1000, "recording", "20261120-142233-7f3a9c", None)
    await uploads.receive(upload, 0, stream(b"half a video"))
    await asyncio.wait_for(seen.wait(), 3)
    await uploads.close()
    background.close()


async def test_leftovers_are_cleaned_away_at_the_start(tmp_path):
    settings = Settings(data=tmp_path)
    settings.uploads.mkdir()
    (settings.uploads / "old.part").write_bytes(b"x")
    background = Background(1)
    uploads = Uploads(settings, background)
    assert list(settings.uploads.iterdir()) == []
    await uploads.close()
    background.close()


async def test_the_clients_name_never_becomes_a_path(uploads, tmp_path):
    upload = uploads.begin("../../evil.sh", None, "import", None, None)
    await uploads.receive(upload, 0, stream(b"x"))
    assert upload.path.parent == tmp_path / "uploads"
    assert upload.path.suffix == ".part"
    assert "evil" not in str(upload.path)
