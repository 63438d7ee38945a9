"""Servers of the demo in this process, on a free port; a browser that looks at them."""

import threading
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from asking import Asker, Serve
from chromium import open_browser

from gan.demo.model_cache import ModelCache
from gan.demo.routes import routes
from gan.demo.server import PageServer
from gan.demo.training_images import TrainingSets


@pytest.fixture
def serve(tmp_path: Path) -> Iterator[Serve]:
    """``serve([bundle, …], runs=[…])``: a server of them; sets are looked for in an empty folder."""
    servers: list[PageServer] = []
    caches: list[ModelCache] = []

    def served(bundles: Sequence[Path], runs: Sequence[Path] = ()) -> Asker:
        caches.append(ModelCache(bundles))
        server = PageServer("127.0.0.1", 0, routes(caches[-1], TrainingSets(tmp_path / "no data"), runs))
        servers.append(server)
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        return Asker(server)

    yield served
    for server in servers:
        server.shutdown()
        server.server_close()
    for models in caches:
        models.close()


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """Of the tests that are marked `chromium.IN_A_BROWSER`."""
    with open_browser() as opened:
        yield opened
