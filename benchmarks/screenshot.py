"""A picture of a page in headless Chromium; refused if the page shows a path of this machine.

    python benchmarks/screenshot.py report.html docs/images/report.png
    python benchmarks/screenshot.py --serve "gan watch RUN --port 0" watch.png

Needs Chromium and the extra [browser].
"""

import argparse
import re
import shlex
import shutil
import subprocess
from pathlib import Path

BROWSERS = ("chromium", "chromium-browser", "google-chrome")
MACHINE_PATH = re.compile(r"/(?:work|home|root|tmp|Users)/[^\s\"'<>]*")
SCALE = 1.5  # pixels of the picture for each pixel of the page


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("page", nargs="?", type=Path, help="an HTML file")
    arguments.add_argument("out", type=Path, help="the PNG file to write")
    arguments.add_argument("--serve", help="instead of a file: a command that prints the address of its page first")
    arguments.add_argument("--width", type=int, default=1040, help="of the window, in pixels")
    arguments.add_argument("--height", type=int, default=1170, help="of the window, in pixels")
    given = arguments.parse_args()
    size = {"width": given.width, "height": given.height}
    if given.serve is None:
        shoot(given.page.resolve().as_uri(), given.out, size)
        return
    with subprocess.Popen(shlex.split(given.serve), stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        try:
            shoot(server.stdout.readline().split()[0], given.out, size)
        finally:
            server.terminate()


def shoot(address: str, out: Path, size: dict[str, int]) -> None:
    """Write a picture of the top of a page.

    Raises:
        SystemExit: the page shows a path of this machine, or there is no Chromium.
    """
    from playwright.sync_api import sync_playwright

    browser = next(filter(None, map(shutil.which, BROWSERS)), None)
    if browser is None:
        raise SystemExit("screenshot: no Chromium on the PATH (Debian: apt install chromium)")
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=browser, args=["--no-sandbox", "--disable-gpu"])
        page = chromium.new_page(viewport=size, device_scale_factor=SCALE)
        page.goto(address)
        page.wait_for_timeout(2000)  # charts are drawn by scripts
        check_paths(page.inner_text("body"))
        page.screenshot(path=str(out))
        chromium.close()


def check_paths(text: str) -> None:
    """Raise SystemExit if the text of a page has a path of this machine."""
    found = MACHINE_PATH.findall(text)
    if found:
        raise SystemExit(f"screenshot: the page shows {found[0]}, a path of this machine; use relative paths")


if __name__ == "__main__":
    main()
