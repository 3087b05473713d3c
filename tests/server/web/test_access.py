"""Who is let in: Host, Origin, token, cookie, headers."""

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from server.rate_limit import RateLimit
from server.settings import Settings
from server.web import answers
from server.web.access import Access


async def client_for(settings: Settings) -> TestClient:
    access = Access(settings)

    def error_page(request: web.Request, status: int, message: str) -> web.Response:
        return web.Response(text=f"<p>{message}", status=status, content_type="text/html")

    async def hello(request: web.Request) -> web.Response:
        return web.json_response({"hello": True})

    app = web.Application(
        middlewares=[answers.errors_as_sentences(error_page), access.middleware()]
    )
    app[answers.PREFIX] = settings.prefix
    app.on_response_prepare.append(answers.add_headers)
    for path in ("/", "/api/things", "/health", "/static/a.css"):
        app.router.add_route("*", path, hello)
    client = TestClient(TestServer(app))
    await client.start_server()
    client.access = access  # type: ignore[attr-defined]
    return client


@pytest.fixture
async def local():
    client = await client_for(Settings())
    yield client
    await client.close()


@pytest.fixture
async def remote():
    client = await client_for(Settings(host="0.0.0.0", token="open sesame"))
    yield client
    await client.close()


@pytest.mark.parametrize(
    "host",
    ["localhost", "localhost:8420", "127.0.0.1", "127.0.0.1:8420", "[::1]:8420", "LOCALHOST"],
)
async def test_loopback_answers_to_its_own_names_without_a_password(local, host):
    assert (await local.get("/api/things", headers={"Host": host})).status == 200


@pytest.mark.parametrize(
    "host",
    ["evil.example", "evil.example:8420", "127.0.0.1.evil.example", "192.168.1.7", "", "[::1"],
)
async def test_loopback_does_not_answer_to_other_names(local, host):
    answer = await local.get("/api/things", headers={"Host": host})
    assert answer.status == 421
    body = await answer.json()
    assert body["code"] == "host"
    assert "--allowed-hosts" in body["error"]


async def test_a_named_host_can_be_allowed():
    client = await client_for(Settings(allowed_hosts="booth.example"))
    assert (await client.get("/", headers={"Host": "Booth.example:8420"})).status == 200
    await client.close()


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 200),
        ({"Origin": "http://127.0.0.1:8420"}, 200),
        ({"Origin": "http://evil.example"}, 403),
        ({"Origin": "http://127.0.0.1:9999"}, 403),
        ({"Origin": "null"}, 403),
        ({"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "no-cors"}, 403),
        ({"Sec-Fetch-Site": "same-origin"}, 200),
        ({"Sec-Fetch-Site": "none", "Sec-Fetch-Mode": "navigate"}, 200),
    ],
)
async def test_other_pages_get_no_answer(local, headers, status):
    for method in ("GET", "POST", "DELETE"):
        answer = await local.request(
            method, "/api/things", headers={"Host": "127.0.0.1:8420", **headers}
        )
        assert answer.status == status, method


@pytest.mark.parametrize(
    ("origin", "status"),
    [
        ("https://booth.example", 200),
        ("https://Booth.example:8443", 200),
        ("https://booth.example.evil.example", 403),
        ("https://evil.example", 403),
        ("https://[::1", 403),
    ],
)
async def test_behind_a_proxy_that_rewrites_host_the_named_pages_are_ours(origin, status):
    client = await client_for(Settings(allowed_hosts="booth.example"))
    headers = {"Host": "127.0.0.1:8420", "Origin": origin}
    answer = await client.post("/api/things", headers=headers)
    assert answer.status == status
    if status == 403:
        assert "--allowed-hosts" in (await answer.json())["error"]
    await client.close()


async def test_static_files_are_for_every_page(local):
    """Module scripts come with an Origin, which a reverse proxy may not have rewritten."""
    headers = {"Origin": "https://booth.example", "Sec-Fetch-Site": "cross-site"}
    assert (await local.get("/static/a.css", headers=headers)).status == 200
    assert (await local.get("/static/a.css", headers={"Host": "evil.example"})).status == 421


async def test_a_password_that_was_chosen_is_asked_for_on_loopback_too():
    """Behind a reverse proxy everybody comes from this machine."""
    client = await client_for(Settings(token="open sesame"))
    assert (await client.get("/api/things")).status == 401
    right = {"Authorization": "Bearer open sesame"}
    assert (await client.get("/api/things", headers=right)).status == 200
    await client.close()


async def test_below_a_prefix_the_cookie_and_the_address_stay_there():
    client = await client_for(Settings(token="open sesame", prefix="/understudy"))
    answer = await client.get("/?token=open%20sesame&x=1", allow_redirects=False)
    assert answer.headers["Refresh"] == "0; url=/understudy/?x=1"
    assert "Path=/understudy" in answer.headers["Set-Cookie"]
    await client.close()


async def test_a_link_from_elsewhere_may_be_followed(local):
    headers = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate"}
    assert (await local.get("/", headers=headers)).status == 200
    assert (await local.post("/", headers=headers)).status == 403


async def test_without_the_token_nobody_gets_in(remote):
    answer = await remote.get("/api/things")
    assert answer.status == 401
    assert "?token=" in (await answer.json())["error"]
    page = await remote.get("/", headers={"Accept": "text/html"})
    assert page.status == 401
    assert page.content_type == "text/html"
    assert (await remote.get("/health")).status == 200
    assert (await remote.get("/static/a.css")).status == 200


async def test_the_token_buys_a_cookie_and_leaves_the_address_bar(remote):
    answer = await remote.get("/?token=open%20sesame&x=1", allow_redirects=False)
    assert answer.status == 200
    assert answer.headers["Refresh"] == "0; url=/?x=1"
    cookie = answer.headers["Set-Cookie"]
    for part in ("HttpOnly", "SameSite=Strict"):
        assert part in cookie
    assert "sesame" not in cookie
    value = cookie.split(";")[0]
    remote.session.cookie_jar.clear()
    assert (await remote.get("/api/things", headers={"Cookie": value})).status == 200
    remote.session.cookie_jar.clear()
    assert (await remote.get("/api/things", headers={"Cookie": value + "0"})).status == 401


async def test_scripts_may_send_the_token_as_a_header(remote):
    right = {"Authorization": "Bearer open sesame"}
    assert (await remote.get("/api/things", headers=right)).status == 200
    wrong = {"Authorization": "Bearer open"}
    assert (await remote.get("/api/things", headers=wrong)).status == 401


async def test_guessing_is_slowed_down(remote):
    for _ in range(10):
        assert (await remote.get("/?token=wrong")).status == 401
    answer = await remote.get("/?token=open%20sesame")
    assert answer.status == 429


async def test_the_clean_address_stays_on_this_server(remote):
    answer = await remote.get("/?token=open%20sesame", allow_redirects=False)
    target = answer.headers["Refresh"].partition("url=")[2]
    assert target.startswith("/")
    assert not target.startswith("//")


async def test_every_answer_carries_the_security_headers(local):
    for path in ("/", "/nothing", "/api/things"):
        headers = (await local.get(path)).headers
        assert "default-src 'none'" in headers["Content-Security-Policy"]
        assert "unsafe" not in headers["Content-Security-Policy"]
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert headers["Cross-Origin-Resource-Policy"] == "same-origin"


def test_the_rate_limit_forgets():
    limit = RateLimit(events=2, seconds=0.05)
    assert limit.allows("a")
    assert limit.allows("a")
    assert not limit.allows("a")
    assert limit.allows("b")
    import time

    time.sleep(0.06)
    assert limit.allows("a")
