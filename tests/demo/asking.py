"""Questions to a server of the demo, as a browser would put them."""

import http.client
import io
import json
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
