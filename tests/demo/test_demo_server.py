"""The server: whom it answers, in what sizes, and how it refuses."""

import contextlib
import json
import re
import socket
import time
from importlib import resources
from pathlib import Path

import pytest
from asking import Asker, Serve, parts_of
from tiny_bundles import whole_bundle
from werkzeug import Response
from werkzeug.routing import Map, Rule

from gan.demo import server as server_module
from gan.demo.server import PageServer, as_json
from gan.system.errors import GanError


@pytest.fixture
def ask(serve: Serve, tmp_path: Path) -> Asker:
    return serve([whole_bundle(tmp_path)])


@pytest.mark.parametrize("path", ["/", "/watch"])
def test_a_page_has_all_its_parts_here_and_may_fetch_nothing_else(ask: Asker, path: str) -> None:
    assert {"page.css", "elements.js"} <= parts_of(ask, path)
    assert "default-src 'none'" in ask(path).headers["Content-Security-Policy"]


def test_no_page_names_another_place_or_makes_markup_of_texts() -> None:
    for part in (resources.files("gan.demo") / "pages").iterdir():
        text = part.read_text().replace("http://www.w3.org/2000/svg", "")
        assert not re.findall(r"https?:|innerHTML|insertAdjacentHTML|document\.write|eval\(|@import", text), part.name


@pytest.mark.parametrize("host", ["127.0.0.1:8808", "localhost", "LOCALHOST:1", "[::1]:8808", "192.168.1.7:8808"])
def test_numbers_and_localhost_are_our_names(ask: Asker, host: str) -> None:
    assert ask("/api/pages", Host=host).status == 200


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1.evil.example:8808", "", "[", "localhost.evil.example"])
def test_a_name_that_is_not_ours_is_refused(ask: Asker, host: str) -> None:
    answer = ask("/api/pages", Host=host)
    assert (answer.status, answer.error) == (421, f"Host: {host!r} is not this server's name; use the IP address")


def test_the_host_of_the_command_line_is_our_name_too(serve: Serve, tmp_path: Path) -> None:
    ask = serve([whole_bundle(tmp_path)])
    ask.server.host = "Workstation"
    assert ask("/api/pages", Host="workstation:8808").status == 200


@pytest.mark.parametrize("origin", ["https://evil.example", "null", "http://127.0.0.1:1"])
def test_another_site_sends_nothing(ask: Asker, origin: str) -> None:
    answer = ask("/api/models", method="POST", body=b"x", Origin=origin)
    assert (answer.status, answer.error) == (403, f"Origin: {origin!r} is another site, which may not use this server")
    assert len(ask("/api/pages").json["models"]) == 1


@pytest.mark.parametrize(
    "path", ["/nothing", "/api", "//etc/passwd", "/../../etc/passwd", "/page.css/", "/%2e%2e/page.css", "/model.py"]
)
def test_an_address_that_does_not_exist(ask: Asker, path: str) -> None:
    answer = ask(path)
    assert answer.status == 404
    assert answer.error.endswith("there is no such address")


def test_sizes_are_bounded(ask: Asker, monkeypatch: pytest.MonkeyPatch) -> None:
    assert ask("/" + "a" * 5000).status == 414
    assert ask("/api/pages?" + "&".join(f"a{number}=1" for number in range(50))).status == 400
    monkeypatch.setattr(server_module, "MOST_BODY", 10)
    answer = ask("/api/models", method="POST", body=b"12345678901")
    assert answer.status == 413
    assert answer.error == "11 bytes sent, at most 10 allowed; give the file on the command line"


def raw(ask: Asker, sent: bytes) -> tuple[int, str]:
    """Status and error of the response to these bytes."""
    with socket.create_connection(("127.0.0.1", ask.server.port), timeout=60) as connection:
        connection.sendall(sent)
        head, _, content = connection.makefile("rb").read().partition(b"\r\n\r\n")
    return int(head.split()[1]), json.loads(content)["error"]


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ("Content-Length: ", 400),
        ("Content-Length: -1", 400),
        ("Content-Length: +5", 400),
        ("Content-Length: ten", 400),
        ("Content-Length: 1e3", 400),
        ("Content-Length: 5 5", 400),
        ("Content-Length: 5, 5", 400),
        ("Content-Length: ٣", 400),
        ("Content-Length: 5\r\nContent-Length: 6", 400),
        (f"Content-Length: {'9' * 5000}", 400),  # Python makes no number of it
        ("Content-Length: 67108865", 413),
        (f"Content-Length: {'0' * 20}67108865", 413),
        (f"Content-Length: {'9' * 30}", 413),
        ("X: 1", 411),
        ("Transfer-Encoding: chunked", 411),
        ("Transfer-Encoding: chunked\r\nContent-Length: 5", 411),
    ],
)
def test_a_length_that_is_none_or_too_large(
    ask: Asker, headers: str, status: int, capsys: pytest.CaptureFixture[str]
) -> None:
    told, error = raw(ask, f"POST /api/models HTTP/1.1\r\nHost: localhost\r\n{headers}\r\n\r\nhello".encode())
    assert told == status, error
    assert re.search("one number of bytes expected|at most 67,108,864 allowed|a Content-Length is required", error)
    assert capsys.readouterr().err == ""


def test_zeros_before_a_length_change_nothing(ask: Asker) -> None:
    head = f"POST /api/models?name=a HTTP/1.1\r\nHost: localhost\r\nContent-Length: {'0' * 30}5"
    told, error = raw(ask, f"{head}\r\n\r\nhello".encode())
    assert (told, error[:3]) == (400, "a: ")  # all five bytes have come, and are no bundle


@pytest.mark.parametrize(
    ("line", "status"),
    [
        ("GET //[ HTTP/1.1", 404),
        ("GET http://[::1/ HTTP/1.1", 400),
        ("GET http://evil.example/ HTTP/1.1", 421),
        ("GET /%zz%ff%00 HTTP/1.1", 404),
        ("GET /\xff HTTP/1.1", 404),
        ("GET /api/images.png?count=%zz HTTP/1.1", 400),
        ("GET /api/images.png?count=%ff&%fe=1 HTTP/1.1", 400),
        ("GET /api/images.png?class=%00%ff HTTP/1.1", 400),
        ("GET /api/grid.png?grid=\xfe HTTP/1.1", 400),
        ("GET /api/pages?a=" + "a" * 5000 + " HTTP/1.1", 414),
        ("GET /" + "a" * 70_000 + " HTTP/1.1", 414),
        ("BREW /api/pages HTTP/1.1", 405),
        ("\xe9 /api/pages HTTP/1.1", 405),
        ("CONNECT localhost:80 HTTP/1.1", 404),
        ("GET /api/pages HTTP/3.0", 505),
        ("GET /api/pages HTTP/1.1.1", 400),
        ("GET /api/pages HTTP/1.1\r\n" + "\r\n".join(f"X{number}: 1" for number in range(200)), 431),
        ("GET /api/pages HTTP/1.1\r\nX: " + "a" * 70_000, 431),
        ("GET /api/pages HTTP/1.1\r\nOrigin: http://[", 403),
    ],
)
def test_a_request_that_cannot_be_answered_is_refused(
    ask: Asker, line: str, status: int, capsys: pytest.CaptureFixture[str]
) -> None:
    told, error = raw(ask, f"{line}\r\nHost: localhost\r\n\r\n".encode("latin-1"))
    assert told == status, error
    assert "bug" not in error
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize("method", ["PUT", "DELETE", "OPTIONS", "POST", "PATCH", "TRACE"])
def test_a_method_that_a_page_does_not_need(ask: Asker, method: str) -> None:
    answer = ask("/api/pages", method=method)
    assert (answer.status, answer.error) == (405, f"{method} /api/pages: GET or HEAD expected")
    assert answer.headers["Allow"] in ("GET, HEAD", "HEAD, GET")


def test_head_is_get_without_its_content(ask: Asker) -> None:
    head, got = ask("/", method="HEAD"), ask("/")
    assert (head.status, head.content) == (200, b"")
    assert head.headers["Content-Length"] == str(len(got.content))


def test_what_is_no_request_at_all(ask: Asker) -> None:
    with socket.create_connection(("127.0.0.1", ask.server.port), timeout=60) as connection:
        connection.sendall(b"\x00\x16\x03 hello\r\n\r\n")
        told = connection.makefile("rb").read()
    assert b'{"error": "Bad HTTP' in told
    assert ask("/api/pages").status == 200


@pytest.mark.parametrize(
    ("begun", "answered"),
    [
        (b"GET /api/pages HTTP/1.1\r\nHost: localhost\r\nX: ", b""),
        (b"", b""),
        (b"POST /api/models HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000\r\n\r\n", b"HTTP/1.1 400 "),
    ],
)
def test_a_client_that_drips_is_cut_all_the_same(
    ask: Asker, begun: bytes, answered: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server_module, "PATIENCE", 0.3)
    with socket.create_connection(("127.0.0.1", ask.server.port), timeout=60) as connection:
        start = time.monotonic()
        connection.sendall(begun)
        told = b""
        with contextlib.suppress(ConnectionError):
            while not told and time.monotonic() < start + 20:
                connection.sendall(b"a")
                connection.settimeout(0.05)
                with contextlib.suppress(TimeoutError):
                    told = connection.recv(1000) or b"closed"
        assert 0.3 <= time.monotonic() - start < 10
        assert told.startswith(answered)
    assert ask("/api/pages").status == 200


def test_half_open_connections_are_cut_once_there_are_too_many(ask: Asker, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server_module, "MOST_HALF_OPEN", 5)
    with contextlib.ExitStack() as stack:
        address = ("127.0.0.1", ask.server.port)
        silent = [stack.enter_context(socket.create_connection(address, timeout=60)) for _ in range(20)]
        assert ask("/api/pages").status == 200
        assert [connection.recv(1) for connection in silent[:15]] == [b""] * 15
        silent[-1].sendall(b"GET /api/pages HTTP/1.0\r\nHost: localhost\r\n\r\n")
        assert silent[-1].recv(15) == b"HTTP/1.1 200 OK"


def test_only_so_many_requests_are_answered_at_a_time(ask: Asker) -> None:
    with contextlib.ExitStack() as stack:
        for slots, most in ((ask.server.slots, server_module.MOST_REQUESTS), (ask.server.upload_slots, 2)):
            for _ in range(most):
                assert slots.acquire(blocking=False)
                stack.callback(slots.release)
        for method, body in (("GET", None), ("POST", b"hello")):
            answer = ask("/api/models", method=method, body=body)
            assert (answer.status, answer.error) == (503, "too many requests at a time; try again")
    assert ask("/api/pages").status == 200


def test_a_connection_is_for_one_request(ask: Asker) -> None:
    one = b"GET /api/pages HTTP/1.1\r\nHost: localhost\r\nConnection: keep-alive\r\n\r\n"
    with socket.create_connection(("127.0.0.1", ask.server.port), timeout=60) as connection:
        connection.sendall(one + one)
        assert connection.makefile("rb").read().count(b"HTTP/1.1 ") == 1


def test_a_bug_is_told_on_the_terminal_and_the_server_goes_on(ask: Asker, capsys: pytest.CaptureFixture[str]) -> None:
    def broken(request: object) -> Response:
        return as_json({"x": float("nan")})

    ask.server.routes.add(Rule("/broken", endpoint=broken))
    answer = ask("/broken")
    assert (answer.status, answer.error) == (500, "internal error of gan (ValueError); see the terminal of the server")
    assert "Traceback" in capsys.readouterr().err
    assert ask("/api/pages").status == 200


def test_a_port_in_use_and_a_host_that_is_none(ask: Asker) -> None:
    port = ask.server.port
    with pytest.raises(GanError, match=f"^--port: {port} is in use on 127.0.0.1; give another one, or --port 0"):
        PageServer("127.0.0.1", port, Map())
    with pytest.raises(GanError, match=r"^--host: cannot listen on '192.0.2.1': Cannot assign requested address; "):
        PageServer("192.0.2.1", 0, Map())
    for empty in ("", " "):
        with pytest.raises(GanError, match=r"^--host: '' given, which would listen on all addresses"):
            PageServer(empty, 0, Map())


@pytest.mark.parametrize(
    ("host", "address", "private"), [("127.0.0.1", "127.0.0.1", True), ("0.0.0.0", "127.0.0.1", False)]
)
def test_where_a_browser_finds_it(host: str, address: str, private: bool) -> None:
    with PageServer(host, 0, Map()) as server:
        assert server.address == f"http://{address}:{server.port}/"
        assert server.private is private
