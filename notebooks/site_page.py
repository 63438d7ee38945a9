"""MkDocs hook: notebooks/first_gan.ipynb, with its stored outputs, as the page first_gan.html of the site.

The pages link to the notebook as `../notebooks/first_gan.ipynb`, which works in the repository; on the site these links
lead to the page.
"""

import base64
import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:  # an extra, which `as_markdown` does not need
    from mkdocs.config.defaults import MkDocsConfig
    from mkdocs.structure.files import Files
    from mkdocs.structure.pages import Page

NOTEBOOK = Path(__file__).parent / "first_gan.ipynb"
PAGE, PICTURES = "first_gan.md", "images/first_gan"


def on_files(files: "Files", config: "MkDocsConfig") -> "Files":
    """Add the page and its pictures."""
    from mkdocs.structure.files import File

    text, pictures = as_markdown(json.loads(NOTEBOOK.read_text(encoding="utf-8")))
    files.append(File.generated(config, PAGE, content=text))
    for name, content in pictures.items():
        files.append(File.generated(config, name, content=content))
    return files


def on_page_markdown(markdown: str, page: "Page", config: "MkDocsConfig", files: "Files") -> str:
    """Links to the notebook lead to its page."""
    return markdown.replace("(../notebooks/first_gan.ipynb)", f"({PAGE})")


def as_markdown(notebook: Mapping[str, Any]) -> tuple[str, dict[str, bytes]]:
    """The cells of a notebook and their outputs as Markdown, and the pictures by their paths."""
    parts: list[str] = []
    pictures: dict[str, bytes] = {}
    for cell in notebook["cells"]:
        source = "".join(cell["source"])
        if cell["cell_type"] == "markdown":
            # Markdown inside an answer; a page lies in docs/, a notebook beside it
            parts.append(source.replace("<details>", "<details markdown>").replace("](../docs/", "]("))
            continue
        parts.append(f"```python\n{source}\n```")
        for output in cell["outputs"]:
            data = output.get("data", {})
            if "image/png" in data:
                name = f"{PICTURES}/{len(pictures) + 1:02}.png"
                pictures[name] = base64.b64decode("".join(data["image/png"]))
                parts.append(f"![Output of the code above]({name})")
            elif printed := "".join(output.get("text", data.get("text/plain", []))):
                parts.append(f"```text\n{printed.rstrip()}\n```")
    return "\n\n".join(parts) + "\n", pictures
