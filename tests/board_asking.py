"""Questions to TensorBoard's page, as a browser would put them."""

import json
import time
import urllib.error
import urllib.parse
import urllib.request
from typing import Any


def ask(url: str, plugin: str, what: str, **query: Any) -> bytes:
    """What a page of TensorBoard answers; it reads a run's files only once it is there, so it is asked again."""
    address = f"{url}data/plugin/{plugin}/{what}?{urllib.parse.urlencode(query)}"
    for _ in range(600):
        try:
            with urllib.request.urlopen(address, timeout=30) as answer:
                content = bytes(answer.read())
            if content not in (b"{}", b"[]"):
                return content
        except urllib.error.HTTPError as error:
            if error.code not in (400, 404):
                raise
        time.sleep(0.1)
    raise AssertionError(f"{address}: nothing within a minute")


def ask_json(url: str, plugin: str, what: str, **query: Any) -> Any:
    return json.loads(ask(url, plugin, what, **query))
