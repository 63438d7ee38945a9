"""Questions to a server of the demo, as a browser would put them."""

import http.client
import io
import json
import re
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from PIL import Image

from gan.demo.server import PageServer


class Answer(NamedTuple):
    status: int
    content: bytes
    headers: dict[str, str]

    @property
    def json(self) -> Any:
        assert self.headers["Content-Type"].startswith("application/json")
        return json.loads(self.content)

    @property
    def pixels(self) -> np.ndarray:
        assert (self.status, self.headers["Content-Type"]) == (200, "image/png")
        return np.asarray(Image.open(io.BytesIO(self.content)))

    @property
    def error(self) -> str:
        return str(self.json["error"])


def parts_of(ask: "Asker", path: str) -> set[str]:
    """Names of the files that a page loads, scripts that its scripts import included; each must be there."""
    page = ask(path)
    assert (page.status, page.headers["Content-Type"]) == (200, "text/html; charset=utf-8")
    found: set[str] = set()
    names = re.findall(r'(?:src|href)="([\w.]+)"', page.content.decode())
    while names:
        name = names.pop()
        found.add(name)
        part = ask(f"/{name}")
        assert part.status == 200, name
        names += set(re.findall(r'from "\./(.+?)"', part.content.decode())) - found
    return found


class Asker:
    """Asks one server, as a browser would."""

    def __init__(self, server: PageServer) -> None:
        self.server = server

    def __call__(self, path: str, *, method: str = "GET", body: bytes | None = None, **headers: str) -> Answer:
        connection = http.client.HTTPConnection("127.0.0.1", self.server.port, timeout=60)
        connection.request(method, path, body=body, headers=headers)
        answer = connection.getresponse()
        content = answer.read()
        connection.close()
        return Answer(answer.status, content, dict(answer.getheaders()))


Serve = Callable[..., Asker]
