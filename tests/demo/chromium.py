"""Headless Chromium for tests: what it takes, and why a test is skipped where it is not there.

Debian's `chromium`, or Chrome, and the package playwright, which drives it: `make browser`.
"""

import importlib.util
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

NAMES = ("chromium", "chromium-browser", "google-chrome")
CHROMIUM = next(filter(None, map(shutil.which, NAMES)), None)
QUIET = ("--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync")
FLAGS = ["--no-sandbox", "--disable-gpu", "--enable-unsafe-swiftshader", *QUIET]  # swiftshader: WebGL without a GPU

IN_A_BROWSER = [
    pytest.mark.slow,
    pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on the PATH (apt install chromium)"),
    pytest.mark.skipif(importlib.util.find_spec("playwright") is None, reason="no playwright (pip install playwright)"),
]


@contextmanager
def open_browser() -> Iterator[Any]:
    """A browser of its own, which is closed afterwards."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield browser
        browser.close()


@contextmanager
def open_page(browser: Any, address: str, **settings: Any) -> Iterator[Any]:
    """A tab at an address, that asks nobody else for anything and has no error until the block is over."""
    page = browser.new_page(**settings)
    page.set_default_timeout(60_000)
    asked: list[str] = []
    errors: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.goto(address)
    yield page
    page.close()
    site = "/".join(address.split("/")[:3])
    assert not [url for url in asked if not url.startswith((site, "data:", "blob:"))]
    assert errors == []
