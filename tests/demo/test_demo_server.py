"""The server: whom it answers, in what sizes, and how it refuses."""

import http.client
import re
import socket
from importlib import resources
from pathlib import Path

import pytest
from asking import Asker, Serve
from tiny_bundles import whole_bundle

from gan.demo import server as server_module
from gan.demo.server import PageServer, Response, as_json
from gan.system.errors import GanError


@pytest.fixture
def ask(serve: Serve, tmp_path: Path) -> Asker:
    return serve([whole_bundle(tmp_path)])


@pytest.mark.parametrize("path", ["/", "/watch"])
def test_a_page_has_all_its_parts_here_and_may_fetch_nothing_else(ask: Asker, path: str) -> None:
    page = ask(path)
    assert page.status == 200
    assert page.headers["Content-Type"] == "text/html; charset=utf-8"
    parts = re.findall(r'(?:src|href)="([\w.]+)"', page.content.decode())
    imported = [name for part in parts for name in re.findall(r'from "\./(.+?)"', ask(f"/{part}").content.decode())]
    assert len(parts) == 2
    for part in {*parts, *imported}:
        assert ask(f"/{part}").status == 200
    assert "default-src 'none'" in page.headers["Content-Security-Policy"]


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
    assert (answer.status, answer.error) == (421, f"Host: {host!r} is no name of this server; use its number")


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
    assert answer.error.endswith("there is no such address here")


def test_sizes_are_bounded(ask: Asker, monkeypatch: pytest.MonkeyPatch) -> None:
    assert ask("/" + "a" * 5000).status == 414
    assert ask("/api/pages?" + "&".join(f"a{number}=1" for number in range(50))).status == 400
    monkeypatch.setattr(server_module, "MOST_BODY", 10)
    answer = ask("/api/models", method="POST", body=b"12345678901")
    assert answer.status == 413
    assert answer.error == "11 bytes are sent, and at most 10 are taken; give the file on the command line"


@pytest.mark.parametrize("length", ["", "-1", "ten", "1e3", "٣"])
def test_a_length_that_is_none(ask: Asker, length: str) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", ask.server.server_port, timeout=60)
    connection.putrequest("POST", "/api/models")
    connection.putheader("Content-Length", length.encode())
    connection.endheaders()
    assert connection.getresponse().status == 411
    connection.close()


@pytest.mark.parametrize("method", ["PUT", "DELETE", "OPTIONS", "POST"])
def test_a_method_that_a_page_does_not_need(ask: Asker, method: str) -> None:
    answer = ask("/api/pages", method=method)
    assert answer.status in (404, 501)
    assert answer.error


def test_what_is_no_request_at_all(ask: Asker) -> None:
    with socket.create_connection(("127.0.0.1", ask.server.server_port), timeout=60) as connection:
        connection.sendall(b"\x00\x16\x03 hello\r\n\r\n")
        told = connection.makefile("rb").read()
    assert b'{"error": "Bad HTTP' in told
    assert ask("/api/pages").status == 200


def test_a_bug_is_told_on_the_terminal_and_the_server_goes_on(ask: Asker, capsys: pytest.CaptureFixture[str]) -> None:
    def broken(request: object) -> Response:
        return as_json({"x": float("nan")})

    ask.server.routes = {**ask.server.routes, ("GET", "/broken"): broken}
    answer = ask("/broken")
    assert (answer.status, answer.error) == (500, "a bug of gan (ValueError); the terminal of the server has more")
    assert "Traceback" in capsys.readouterr().err
    assert ask("/api/pages").status == 200


def test_a_port_in_use_and_a_host_that_is_none(ask: Asker) -> None:
    port = ask.server.server_port
    with pytest.raises(GanError, match=f"^--port: {port} is in use on 127.0.0.1; give another one, or --port 0"):
        PageServer("127.0.0.1", port, {})
    with pytest.raises(GanError, match=r"^--host: cannot listen on '192.0.2.1': Cannot assign requested address; "):
        PageServer("192.0.2.1", 0, {})


@pytest.mark.parametrize(
    ("host", "address", "private"), [("127.0.0.1", "127.0.0.1", True), ("0.0.0.0", "127.0.0.1", False)]
)
def test_where_a_browser_finds_it(host: str, address: str, private: bool) -> None:
    with PageServer(host, 0, {}) as server:
        assert server.address == f"http://{address}:{server.server_port}/"
        assert server.private is private
