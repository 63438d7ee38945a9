"""A small set in the place of MNIST, and a server on this machine in the place of the internet."""

import dataclasses
import gzip
import hashlib
import threading
from collections import Counter
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from gan.data import registry
from gan.data.idx import parse_idx, read_bytes

CODES = {torch.uint8: (0x08, ">u1"), torch.int32: (0x0C, ">i4"), torch.float32: (0x0D, ">f4")}
FILES = ("train-images-idx3-ubyte", "train-labels-idx1-ubyte", "t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte")


def idx_bytes(values: Tensor) -> bytes:
    """A tensor as an IDX file, written here independently of the reader."""
    code, kind = CODES[values.dtype]
    header = bytes([0, 0, code, values.ndim]) + b"".join(size.to_bytes(4, "big") for size in values.shape)
    return header + values.numpy().astype(kind).tobytes()


def read_idx(path: Path) -> Tensor:
    return parse_idx(read_bytes(path), path)


def random_images(count: int, seed: int) -> Tensor:
    return torch.randint(1, 256, (count, 28, 28), dtype=torch.uint8, generator=torch.Generator().manual_seed(seed))


@dataclasses.dataclass
class TinySet:
    """12 + 6 images in MNIST's place, as the bytes of its four files."""

    content: dict[str, bytes]
    source: registry.DatasetSpec

    def write(self, root: Path, **instead: bytes | None) -> Path:
        """Write the files under ``root``; ``train_images=…`` and so on replace one, None leaves it out."""
        folder = root / "MNIST" / "raw"
        folder.mkdir(parents=True, exist_ok=True)
        short = dict(zip(("train_images", "train_labels", "test_images", "test_labels"), FILES, strict=True))
        changed = {short[key]: data for key, data in instead.items()}
        for file, data in (self.content | changed).items():
            if data is not None:
                (folder / file).write_bytes(data)
        return folder


class Mirror:
    """A web server on 127.0.0.1. ``answers``: path -> body; what is not in it is a 404. ``cut``: paths sent by half."""

    def __init__(self) -> None:
        self.answers: dict[str, bytes] = {}
        self.cut: set[str] = set()
        self.requests: Counter[str] = Counter()
        mirror = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                mirror.requests[self.path] += 1
                body = mirror.answers.get(self.path)
                if body is None:
                    self.send_error(404)
                    return
                self.send_response(200)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body[: len(body) // 2] if self.path in mirror.cut else body)

            def log_message(self, *arguments: Any) -> None:
                pass

        class Server(ThreadingHTTPServer):
            def handle_error(self, *arguments: Any) -> None:
                pass  # torchvision asks once for redirects only, and hangs up

        self.server = Server(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}/"
        threading.Thread(target=self.server.serve_forever, args=(0.01,), daemon=True).start()

    def serve(self, content: dict[str, bytes]) -> list[tuple[str, str]]:
        """Offer the files gzipped; returns torchvision's ``resources``: names and md5."""
        packed = {f"{file}.gz": gzip.compress(data) for file, data in content.items()}
        self.answers |= {f"/{file}": data for file, data in packed.items()}
        return [(file, hashlib.md5(data).hexdigest()) for file, data in packed.items()]
