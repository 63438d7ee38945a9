"""A small HTTP server for one user on one machine: it answers known addresses, in bounded sizes, to its own pages.

A page of some other site can make the browser call 127.0.0.1 too. So the Host header must be a number or a name that we
go by (an attacker's own name, rebound to 127.0.0.1, is neither), and what is sent must come from our pages (Origin).
"""

import errno
import ipaddress
import json
import socket
import socketserver
import sys
import traceback
from collections.abc import Callable, Mapping
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, NamedTuple
from urllib.parse import parse_qsl, urlsplit

from gan.system.errors import GanError

MOST_ADDRESS = 4096  # characters of a request's path and query
MOST_PARAMETERS = 40
MOST_BODY = 2**26  # bytes: a bundle that a page sends
PATIENCE = 30.0  # seconds that a connection may keep silent
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)


class Refusal(GanError):
    """A request that is not answered as it stands; with its HTTP status."""

    def __init__(self, status: HTTPStatus, message: str) -> None:
        super().__init__(message)
        self.status = status


class Request(NamedTuple):
    """What was asked: the query's parameters by name, and what was sent."""

    query: Mapping[str, str]
    body: bytes = b""


class Response(NamedTuple):
    """What is answered: bytes, and their media type."""

    content: bytes
    kind: str
    status: HTTPStatus = HTTPStatus.OK


Route = Callable[[Request], Response]
Routes = Mapping[tuple[str, str], Route]  # by method and path


def as_json(content: Any, status: HTTPStatus = HTTPStatus.OK) -> Response:
    """JSON; NaN and infinity have no word in it and must not be there."""
    return Response(json.dumps(content, allow_nan=False).encode(), "application/json; charset=utf-8", status)


class PageServer(ThreadingHTTPServer):
    """Listens from the moment it is made; ``serve_forever`` answers.

    Args:
        host: an address or name of this machine; only 127.0.0.1, ::1 and localhost keep others out.
        port: 0 for any that is free.

    Raises:
        GanError: the port is in use, or it cannot listen there.
    """

    daemon_threads = True

    def __init__(self, host: str, port: int, routes: Routes) -> None:
        if not 0 <= port <= 65535:
            raise GanError(f"--port: {port} given; 0 to 65535 expected, 0 for any that is free")
        self.host, self.routes = host, routes
        if ":" in host:
            self.address_family = socket.AF_INET6
        try:
            super().__init__((host, port), _Handler)
        except (OSError, UnicodeError) as error:
            raise GanError(_why_not(host, port, error)) from error

    def server_bind(self) -> None:
        """As in TCPServer: HTTPServer's would ask the network for this machine's name, which takes long without one."""
        socketserver.TCPServer.server_bind(self)
        self.server_name, self.server_port = self.host, self.server_address[1]

    @property
    def address(self) -> str:
        """Where a browser finds it."""
        host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(self.host, self.host)
        return f"http://{f'[{host}]' if ':' in host else host}:{self.server_port}/"

    @property
    def private(self) -> bool:
        """Whether only this machine reaches it."""
        return ipaddress.ip_address(str(self.server_address[0])).is_loopback

    def goes_by(self, host: str) -> bool:
        """Whether a Host header names this server: by a number, as localhost, or as it was told to listen on."""
        try:
            name = urlsplit(f"//{host}").hostname or ""
            return name in ("localhost", self.host.lower()) or bool(ipaddress.ip_address(name))
        except ValueError:  # neither an address nor one of the names
            return False

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A browser that has gone away is no error of ours."""
        if not isinstance(sys.exception(), ConnectionError | TimeoutError):
            super().handle_error(request, client_address)


def _why_not(host: str, port: int, error: Exception) -> str:
    number = getattr(error, "errno", None)
    if number == errno.EADDRINUSE:
        return f"--port: {port} is in use on {host}; give another one, or --port 0 for any that is free"
    if number == errno.EACCES:
        return f"--port: {port} is not for everyone; give one from 1024 to 65535, or --port 0 for any that is free"
    reason = getattr(error, "strerror", None) or error
    return f"--host: cannot listen on {host!r}: {reason}; 127.0.0.1 is this machine alone"


class _Handler(BaseHTTPRequestHandler):
    """Answers one request of a connection; every mistake is JSON with an ``error``."""

    server: PageServer
    timeout = PATIENCE
    server_version, sys_version = "gan", ""

    def do_GET(self) -> None:
        self._answer("GET")

    def do_POST(self) -> None:
        self._answer("POST")

    def _answer(self, method: str) -> None:
        try:
            response = self._route(method)
        except Refusal as error:
            response = as_json({"error": str(error)}, error.status)
        except GanError as error:
            response = as_json({"error": str(error)}, HTTPStatus.BAD_REQUEST)
        except (ConnectionError, TimeoutError):
            raise
        except Exception as error:  # a bug of ours: told on the terminal, and the server goes on
            traceback.print_exc()
            message = f"a bug of gan ({type(error).__name__}); the terminal of the server has more"
            response = as_json({"error": message}, HTTPStatus.INTERNAL_SERVER_ERROR)
        self._send(response)

    def _route(self, method: str) -> Response:
        self._check_sender()
        if len(self.path) > MOST_ADDRESS:
            raise Refusal(HTTPStatus.REQUEST_URI_TOO_LONG, f"an address of more than {MOST_ADDRESS} characters")
        address = urlsplit(self.path)
        route = self.server.routes.get((method, address.path))
        if route is None:
            raise Refusal(HTTPStatus.NOT_FOUND, f"{method} {address.path}: there is no such address here")
        try:
            query = dict(parse_qsl(address.query, keep_blank_values=True, max_num_fields=MOST_PARAMETERS))
        except ValueError as error:
            raise Refusal(HTTPStatus.BAD_REQUEST, f"more than {MOST_PARAMETERS} parameters") from error
        return route(Request(query, self._body() if method == "POST" else b""))

    def _check_sender(self) -> None:
        host, origin = self.headers.get("Host", ""), self.headers.get("Origin")
        if not self.server.goes_by(host):
            raise Refusal(HTTPStatus.MISDIRECTED_REQUEST, f"Host: {host!r} is no name of this server; use its number")
        if origin is not None and urlsplit(origin).netloc != host:
            raise Refusal(HTTPStatus.FORBIDDEN, f"Origin: {origin!r} is another site, which may not use this server")

    def _body(self) -> bytes:
        length = self.headers.get("Content-Length", "")
        if not (length.isascii() and length.isdigit()):
            raise Refusal(HTTPStatus.LENGTH_REQUIRED, "what is sent must come with its Content-Length")
        if int(length[:20]) > MOST_BODY:
            raise Refusal(
                HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
                f"{int(length[:20]):,} bytes are sent, and at most {MOST_BODY:,} are taken; "
                "give the file on the command line",
            )
        return self.rfile.read(int(length))

    def _send(self, response: Response) -> None:
        self.send_response(response.status)
        headers = {
            "Content-Type": response.kind,
            "Content-Length": str(len(response.content)),
            "Content-Security-Policy": POLICY,
            "X-Content-Type-Options": "nosniff",
            "Cross-Origin-Resource-Policy": "same-origin",
            "Referrer-Policy": "no-referrer",
            "Cache-Control": "no-store",
        }
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(response.content)

    def send_error(self, code: int, message: str | None = None, explain: str | None = None) -> None:
        """What http.server itself refuses: a request that is none, a method that we do not have."""
        self._send(as_json({"error": message or HTTPStatus(code).phrase}, HTTPStatus(code)))

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing: the terminal is for messages."""
