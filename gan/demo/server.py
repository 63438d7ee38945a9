"""The web server of the pages, on werkzeug, with limits on time, connections and sizes.

A page of another site can make the browser call 127.0.0.1. So the Host header must be an IP address or a name of this
server (a domain of an attacker, rebound to 127.0.0.1, is neither), and an Origin header must name this server.
"""

import errno
import io
import ipaddress
import json
import re
import socket
import threading
import time
import traceback
from contextlib import suppress
from http import HTTPStatus
from typing import Any
from urllib.parse import urlsplit

from werkzeug import Request, Response
from werkzeug.exceptions import ClientDisconnected, HTTPException, MethodNotAllowed, RequestEntityTooLarge
from werkzeug.routing import Map
from werkzeug.serving import ThreadedWSGIServer, WSGIRequestHandler
from werkzeug.wsgi import host_is_trusted

from gan.system.errors import GanError

MOST_ADDRESS = 4096  # characters of a request's path and query
MOST_PARAMETERS = 40
MOST_BODY = 2**26  # bytes of an upload
PATIENCE = 30.0  # seconds from the connection to the end of the request; the same again for the response
LINGER = 1.0  # seconds for the rest of a request after its response was sent
MOST_HALF_OPEN = 64  # connections without a request so far; the oldest is closed when there are more
MOST_REQUESTS = 32  # answered at the same time
SLOT_SECONDS = 0.5  # a client that has its answer may ask again before the thread that answered has ended
MOST_UPLOADS = 2  # at the same time
HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
}


def as_json(content: Any, status: int = HTTPStatus.OK) -> Response:
    """A JSON response. Raises ValueError for NaN and infinity."""
    return Response(json.dumps(content, allow_nan=False), status, content_type="application/json")


class PageServer(ThreadedWSGIServer):
    """Listens from its construction on; ``serve_forever`` answers requests until Ctrl-C or ``shutdown``.

    Args:
        host: an address or name of this machine; 127.0.0.1, ::1 and localhost are reachable from this machine only.
        port: 0 for any free port.
        routes: addresses and methods; each endpoint is a function from a request to its response.

    Raises:
        GanError: the port is in use, or the server cannot listen there.
    """

    def __init__(self, host: str, port: int, routes: Map) -> None:
        if not 0 <= port <= 65535:
            raise GanError(f"--port: {port} given; 0 to 65535 expected, 0 for any free port")
        if not host.strip():
            raise GanError("--host: '' given, which would listen on all addresses; give 127.0.0.1, or 0.0.0.0")
        self.routes = routes
        self._half_open: dict[socket.socket, None] = {}  # the oldest first
        self._lock = threading.Lock()
        self.slots = threading.BoundedSemaphore(MOST_REQUESTS)
        self.upload_slots = threading.BoundedSemaphore(MOST_UPLOADS)
        try:  # werkzeug itself would print its own message and exit
            family = socket.AF_INET6 if ":" in host else socket.AF_INET
            listening = socket.create_server((host, port), family=family, backlog=self.request_queue_size)
        except (OSError, UnicodeError) as error:
            raise GanError(why_not(host, port, error)) from error
        with listening:
            super().__init__(host, port, self.respond, _Handler, fd=listening.fileno())

    @property
    def address(self) -> str:
        """The URL of the server."""
        host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(self.host, self.host)
        return f"http://{f'[{host}]' if ':' in host else host}:{self.port}/"

    @property
    def private(self) -> bool:
        """Whether only this machine can reach the server."""
        return ipaddress.ip_address(str(self.server_address[0])).is_loopback

    def accepts_host(self, host: str) -> bool:
        """Whether a Host header names this server: an IP address, localhost, or the host that it listens on."""
        if host_is_trusted(host.lower(), ["localhost", self.host.lower()]):
            return True
        with suppress(ValueError):  # not a number
            return host_is_trusted(host) and bool(ipaddress.ip_address(urlsplit(f"//{host}").hostname or ""))
        return False

    def process_request(self, request: Any, client_address: Any) -> None:
        """Start to read a request; if too many are incomplete, close the oldest connection."""
        with self._lock:
            if len(self._half_open) >= MOST_HALF_OPEN:
                oldest = next(iter(self._half_open))
                del self._half_open[oldest]
                with suppress(OSError):  # it has gone by itself
                    oldest.shutdown(socket.SHUT_RDWR)
            self._half_open[request] = None
        super().process_request(request, client_address)

    def headers_arrived(self, request: socket.socket) -> None:
        """Called when the headers of a request have arrived, or its connection is closed."""
        with self._lock:
            self._half_open.pop(request, None)

    def shutdown_request(self, request: Any) -> None:
        self.headers_arrived(request)
        super().shutdown_request(request)

    def respond(self, environ: dict[str, Any], start_response: Any) -> Any:
        """The WSGI application; an error is a JSON response with the key ``error``."""
        request = Request(environ)
        request.max_content_length = MOST_BODY
        try:
            response = self._route(request)
        except HTTPException as error:
            response = as_json({"error": _message(error, request)}, error.code or HTTPStatus.BAD_REQUEST)
            if isinstance(error, MethodNotAllowed):
                response.allow.update(error.valid_methods or ())
        except GanError as error:
            response = as_json({"error": str(error)}, getattr(error, "status", HTTPStatus.BAD_REQUEST))
        except Exception as error:  # a bug: printed on the terminal; the server continues
            traceback.print_exc()
            message = f"internal error of gan ({type(error).__name__}); see the terminal of the server"
            response = as_json({"error": message}, HTTPStatus.INTERNAL_SERVER_ERROR)
        response.headers.update(HEADERS)
        return response(environ, start_response)

    def _route(self, request: Request) -> Response:
        host, origin = request.headers.get("Host", ""), request.headers.get("Origin")
        if not self.accepts_host(host):
            raise Refusal(
                HTTPStatus.MISDIRECTED_REQUEST, f"Host: {host!r} is not this server's name; use the IP address"
            )
        if origin is not None and origin.partition("://")[2] != host:
            raise Refusal(HTTPStatus.FORBIDDEN, f"Origin: {origin!r} is another site, which may not use this server")
        route, _ = self.routes.bind("localhost").match(request.path, request.method)
        if len(list(request.args.items(multi=True))) > MOST_PARAMETERS:
            raise GanError(f"more than {MOST_PARAMETERS} parameters")
        response: Response = route(request)
        return response


class Refusal(GanError):
    """A refused request, with its HTTP status."""

    def __init__(self, status: HTTPStatus, message: str) -> None:
        super().__init__(message)
        self.status = status


def _message(error: HTTPException, request: Request) -> str:
    """The message for an error of werkzeug."""
    if isinstance(error, RequestEntityTooLarge):
        sent = f"{request.content_length or 0:,} bytes sent, at most {MOST_BODY:,} allowed"
        return f"{sent}; give the file on the command line"
    if isinstance(error, ClientDisconnected):
        return f"only a part of {request.content_length:,} bytes was received"
    if isinstance(error, MethodNotAllowed):
        return f"{request.method} {request.path}: {' or '.join(sorted(error.valid_methods or ()))} expected"
    if error.code == HTTPStatus.NOT_FOUND:
        return f"{request.method} {request.path}: there is no such address"
    return f"{request.method} {request.path}: {error.description or error.name}"


def why_not(host: str, port: int, error: Exception) -> str:
    """The message for a server that cannot listen at an address."""
    number = getattr(error, "errno", None)
    if number == errno.EADDRINUSE:
        return f"--port: {port} is in use on {host}; give another one, or --port 0 for any free port"
    if number == errno.EACCES:
        return f"--port: {port} is not for everyone; give one from 1024 to 65535, or --port 0 for any free port"
    reason = str(getattr(error, "strerror", None) or error).partition(" (while")[0]
    return f"--host: cannot listen on {host!r}: {reason}; 127.0.0.1 is only this machine"


class _Incoming(io.RawIOBase):
    """The data of a client, with a deadline that does not move when data arrive."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection, self.until = connection, time.monotonic() + PATIENCE

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        left = self.until - time.monotonic()
        if left <= 0:
            raise TimeoutError
        self._connection.settimeout(left)
        try:
            return self._connection.recv_into(buffer)
        finally:
            self._connection.settimeout(PATIENCE)  # for the response, as a whole


class _Handler(WSGIRequestHandler):
    """Reads one request of a connection; refuses ambiguous requests before werkzeug parses them."""

    server: PageServer
    protocol_version = "HTTP/1.1"
    server_version, sys_version = "gan", ""

    def setup(self) -> None:
        super().setup()
        self.rfile.close()
        self._incoming = _Incoming(self.connection)
        self.rfile = io.BufferedReader(self._incoming)

    def parse_request(self) -> bool:
        return super().parse_request() and self._is_plain()

    def _is_plain(self) -> bool:
        """Whether the address and the length of the body are valid; if not, the error is sent."""
        try:
            urlsplit(self.path)
        except ValueError:
            return self._refuse(HTTPStatus.BAD_REQUEST, "the address cannot be read")
        if len(self.path) > MOST_ADDRESS:
            message = f"an address of more than {MOST_ADDRESS} characters"
            return self._refuse(HTTPStatus.REQUEST_URI_TOO_LONG, message)
        lengths = self.headers.get_all("Content-Length", [])
        if "Transfer-Encoding" in self.headers or (self.command == "POST" and not lengths):
            return self._refuse(HTTPStatus.LENGTH_REQUIRED, "a Content-Length is required")
        if len(lengths) > 1 or not all(re.fullmatch("[0-9]{1,40}", length) for length in lengths):
            given = ", ".join(lengths)[:80]
            return self._refuse(
                HTTPStatus.BAD_REQUEST, f"Content-Length: {given!r} given; one number of bytes expected"
            )
        return True

    def _refuse(self, status: HTTPStatus, message: str) -> bool:
        self.send_error(status, message)
        return False

    def run_wsgi(self) -> None:
        self.server.headers_arrived(self.connection)
        slots = self.server.upload_slots if self.command == "POST" else self.server.slots
        if not slots.acquire(timeout=SLOT_SECONDS):
            self.send_error(HTTPStatus.SERVICE_UNAVAILABLE, "too many requests at a time; try again")
            return
        try:
            super().run_wsgi()
        finally:
            slots.release()

    def send_response(self, code: int, message: str | None = None) -> None:
        self._incoming.until = min(self._incoming.until, time.monotonic() + LINGER)
        super().send_response(code, message)

    def send_error(self, code: int, message: str | None = None, explain: str | None = None) -> None:
        """Refuse a request before werkzeug sees it, such as one that is not HTTP."""
        self.close_connection = True
        if self.request_version == "HTTP/0.9":  # also of an unreadable request; then too the error needs a status line
            self.request_version = "HTTP/1.0"
        content = json.dumps({"error": message or HTTPStatus(code).phrase}).encode()
        headers = HEADERS | {
            "Content-Type": "application/json",
            "Content-Length": str(len(content)),
            "Connection": "close",
        }
        self.send_response(code)
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(content)

    def log(self, type: str, message: str, *args: Any) -> None:
        """Log nothing: the terminal is for messages."""

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        """Log nothing; werkzeug's version would have to parse the address first."""
