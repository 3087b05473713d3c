"""The relay does to packets what its line says, and nothing else."""

import asyncio
import socket
import threading
import time

import pytest

from bench.network.lines import HEADER_BYTES, LINES, Line, Pipe
from bench.network.relay import Relay

OFFER = "v=0\r\nm=video 9\r\na=candidate:1 1 udp 2122 127.0.0.1 {port} typ host\r\na=mid:0\r\n"


def test_a_pipe_carries_its_rate_and_no_more():
    pipe = Pipe(Line(1_000, 20), up=True)
    arrivals = [pipe.arrival(1_000 - HEADER_BYTES, 0.0) for _ in range(100)]
    assert arrivals[0] == pytest.approx(0.008 + 0.020)
    assert arrivals[99] == pytest.approx(0.8 + 0.020)


def test_a_full_queue_drops_what_comes_and_empties_again():
    pipe = Pipe(Line(1_000, 0, queue_ms=100), up=True)
    arrivals = [pipe.arrival(1_000 - HEADER_BYTES, 0.0) for _ in range(100)]
    assert sum(one is not None for one in arrivals) == 13  # The 14th would wait 104 ms.
    assert pipe.arrival(100, 0.2) is not None


def test_loss_is_what_was_asked_for():
    pipe = Pipe(Line(100_000, 1, loss=0.05), up=True, seed=3)
    lost = sum(pipe.arrival(100, i / 100) is None for i in range(4000))
    assert 140 < lost < 260


def test_jitter_lets_packets_overtake_but_never_arrive_before_they_left():
    pipe = Pipe(Line(100_000, 20, jitter_ms=60), up=True, seed=3)
    late = [pipe.arrival(100, i * 0.005) - i * 0.005 for i in range(400)]
    assert min(late) >= 0
    assert max(late) - min(late) > 0.04
    assert any(late[i] > late[i + 1] + 0.005 for i in range(399))


def test_up_and_down_may_differ():
    line = LINES["mobile"]
    up, down = Pipe(line, up=True), Pipe(line, up=False)
    assert up.arrival(100_000, 0.0) > 2 * down.arrival(100_000, 0.0)


def _socket() -> socket.socket:
    made = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    made.bind(("127.0.0.1", 0))
    made.settimeout(5)
    return made


def test_a_call_carries_datagrams_both_ways_from_addresses_of_its_own():
    browser, server = _socket(), _socket()
    with Relay(Line(10_000, 50)) as relay:
        call = relay.call()
        offer = call.offer(OFFER.format(port=browser.getsockname()[1]))
        answer = call.answer(OFFER.format(port=server.getsockname()[1]))
        ports = [int(sdp.split("127.0.0.1 ")[1].split()[0]) for sdp in (offer, answer)]
        began = time.perf_counter()
        browser.sendto(b"up", ("127.0.0.1", ports[1]))
        data, sender = server.recvfrom(100)
        assert data == b"up"
        assert time.perf_counter() - began >= 0.05
        assert sender[1] == ports[0]
        server.sendto(b"down", ("127.0.0.1", ports[0]))
        assert browser.recv(100) == b"down"
        until = time.monotonic() + 2
        while (call.bytes_up, call.bytes_down) != (2, 4):  # Counted just after it was sent.
            assert time.monotonic() < until
            time.sleep(0.01)
        relay.line = LINES["no-udp"]
        browser.sendto(b"lost", ("127.0.0.1", ports[1]))
        server.settimeout(0.3)
        with pytest.raises(TimeoutError):
            server.recv(100)


def test_tcp_passes_whole_and_at_the_lines_rate():
    listener = socket.create_server(("127.0.0.1", 0))

    def answer() -> None:
        connection, _ = listener.accept()
        with connection:
            connection.sendall(connection.recv(100) * 10_000)

    thread = threading.Thread(target=answer, daemon=True)
    thread.start()
    with Relay(Line(2_000, 10)) as relay:
        with socket.create_connection(("127.0.0.1", relay.tcp(listener.getsockname()[1]))) as here:
            began = time.perf_counter()
            here.sendall(b"0123456789")
            got = b""
            while piece := here.recv(65_536):
                got += piece
        seconds = time.perf_counter() - began
    assert got == b"0123456789" * 10_000
    assert 0.3 < seconds < 1.5  # 100 kB at 2 Mbit/s


async def test_a_relay_ends_with_connections_open():
    server = await asyncio.start_server(lambda r, w: None, "127.0.0.1", 0)
    with Relay(LINES["free"]) as relay:
        port = relay.tcp(server.sockets[0].getsockname()[1])
        _, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.close()
    server.close()
