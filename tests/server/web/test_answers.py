"""Requests that are odd already before anybody reads what they want."""

from __future__ import annotations

import asyncio
import json
import logging

import pytest


@pytest.mark.parametrize("length", [9_000, 30_000])
async def test_an_address_that_is_too_long_is_refused_in_a_sentence(serve, length, caplog):
    async with serve() as http:
        answer = await http.get("/api/jobs?" + "x" * length)
        assert answer.status == 414
        assert "too long" in (await answer.json())["error"]
        page = await http.get("/?" + "x" * length, headers={"Accept": "text/html"})
        assert page.status == 414
        assert "too long" in await page.text()
        answer = await http.get("/api/jobs", headers={"X-Long": "x" * length})
        assert answer.status == 414
    assert not caplog.records


@pytest.mark.parametrize(
    "said",
    [
        b"GET /" + b"x" * 100_000 + b" HTTP/1.1\r\nHost: x\r\n\r\n",
        b"HELLO\r\n\r\n",
        b"\x16\x03\x01\x02",
    ],
)
async def test_what_is_no_http_leaves_no_traceback_in_the_log(serve, said, caplog):
    async with serve() as http:
        reader, writer = await asyncio.open_connection(http.server.host, http.server.port)
        writer.write(said)
        answer = await asyncio.wait_for(reader.read(), 5) if len(said) > 4 else b""
        assert b"Traceback" not in answer
        writer.close()
        assert (await http.get("/health")).status == 200
    assert all(record.exc_info is None for record in caplog.records)


@pytest.mark.parametrize("body", ["[" * 1500, "null", json.dumps({"purpose": [[["import"]]]})])
async def test_a_body_that_is_none_of_ours_is_refused_in_a_sentence(serve, body, caplog):
    async with serve() as http:
        for path in ("/api/uploads", "/api/sessions"):
            answer = await http.post(path, data=body)
            assert answer.status == 400
            assert (await answer.json())["error"].endswith(".")
    assert not [one for one in caplog.records if one.levelno >= logging.ERROR]


async def test_pages_travel_packed_and_pictures_as_they_are(serve):
    async with serve() as http:
        page = await http.get("/", headers={"Accept-Encoding": "gzip"})
        assert page.headers["Content-Encoding"] == "gzip"
        plain = await http.get("/", headers={"Accept-Encoding": "identity"})
        assert "Content-Encoding" not in plain.headers
        assert await page.text() == await plain.text()
        assert int(page.headers["Content-Length"]) < int(plain.headers["Content-Length"]) / 2
        short = await http.get("/api/datasets", headers={"Accept-Encoding": "gzip"})
        assert "Content-Encoding" not in short.headers
