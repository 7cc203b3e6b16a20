"""A document whose blocks are files: what a reader would copy out of it, in a folder.

A block whose first line is ``# NAME`` (or ``// NAME``) is that file. One that begins with ``  - name:`` is a case, or
several, and belongs behind the head of stories that came before it.
"""

import re
from pathlib import Path

BLOCK = re.compile(r"^```(yaml|json|sh|text)\n(.*?)^```", re.M | re.S)
STORIES = "stories.yaml"


def blocks(page: Path) -> list[tuple[str, str]]:
    """The language and the text of every block."""
    return BLOCK.findall(page.read_text(encoding="utf-8"))


def unpack(page: Path, folder: Path) -> Path:
    """Write the files of ``page`` into ``folder``; the story file that its cases make."""
    stories: list[str] = []
    for kind, text in blocks(page):
        head, _, body = text.partition("\n")
        if head.startswith("  - name:"):
            stories.append(text)
        elif re.fullmatch(r"(#|//) [a-z-]+\.(yaml|json)", head):
            if head.endswith(STORIES):
                stories.append(body)
            else:
                (folder / head.lstrip("#/ ")).write_text(body if kind == "json" else text, encoding="utf-8")
    found = folder / STORIES
    found.write_text("".join(stories), encoding="utf-8")
    return found
