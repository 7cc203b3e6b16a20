"""The documents of a story: policy, directory and quote, in files or inline, changed for a case and checked."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from domain.approvers import check_approvers
from domain.changes import changed
from domain.people import read_directory
from domain.policy.document import read_policy
from domain.quote import read_quote
from domain.refusal import Problem, Refusal
from domain.yaml_text import Path as Place
from domain.yaml_text import YamlDocument, read_yaml, with_lines

READERS: Mapping[str, Callable[[Any], object]] = {
    "policy": read_policy,
    "directory": read_directory,
    "quote": read_quote,
    "order_policy": read_policy,
}


def read_file(path: Path) -> Any:
    """The document in a YAML or JSON file. Codes: ``unreadable_file``, ``invalid_yaml``, ``invalid_json``."""
    return read_lines(path).value


def read_lines(path: Path) -> YamlDocument:
    """The document in a YAML or JSON file, with the lines of a YAML file. Codes as :func:`read_file`."""
    try:
        if path.suffix != ".json":
            return read_yaml(path.read_text(encoding="utf-8"), str(path))
        return YamlDocument(str(path), json.loads(path.read_text(encoding="utf-8"), object_pairs_hook=_no_repetition))
    except (OSError, UnicodeDecodeError) as error:
        raise Refusal("unreadable_file", f"{path}:1: {error}") from None
    except json.JSONDecodeError as error:
        raise Refusal("invalid_json", f"{path}:{error.lineno}: {error.msg}") from None
    except (KeyError, RecursionError) as error:
        raise Refusal("invalid_json", f"{path}:1: {error.args[0]}") from None


def _no_repetition(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """The mapping of ``pairs``; of a key that stands twice, a reader would keep the last without a word."""
    found = dict(pairs)
    if len(found) < len(pairs):
        twice = next(key for at, (key, _) in enumerate(pairs) if key in dict(pairs[:at]))
        raise KeyError(f"the key {twice!r} stands twice")
    return found


@dataclass(frozen=True, slots=True)
class Source:
    """Where a document of a story was written: a file, and the place in it."""

    document: YamlDocument
    root: Place

    @property
    def value(self) -> Any:
        """The document as it stands there, before a case changes it."""
        found = self.document.value
        for key in self.root:
            found = found[key]
        return found

    @property
    def key(self) -> tuple[str, Place]:
        """What tells it from other documents."""
        return self.document.name, self.root

    def where(self, path: Place) -> str:
        """``file:line`` of a part of it."""
        return self.document.where((*self.root, *path))


def source(story: YamlDocument, folder: Path, name: str, at: Place) -> Source:
    """The document ``name`` at ``at`` of ``story``, inline or as a path from ``folder``."""
    found = Source(story, (*at, name))
    return Source(read_lines(folder / found.value), ()) if isinstance(found.value, str) else found


def material(story: YamlDocument, folder: Path, name: str, change: Mapping[str, Any], at: Place, told: str) -> Any:
    """The document ``name`` at ``at`` of ``story``, inline or as a path from ``folder``, with ``change`` made.

    A document that is wrong is refused with its own ``file:line``; where only the change makes it so, with that of the
    change (``told``).
    """
    given = source(story, folder, name, at)
    try:
        READERS[name](given.value if isinstance(given.value, Mapping) else changed(given.value, {}))
    except Refusal as refusal:
        if not change or not _mends(name, given.value, change):
            raise with_lines(given.document, refusal, given.root) from None
    with _told_at(told):
        result = changed(given.value, change)
        READERS[name](result)
    return result


def _mends(name: str, value: Any, change: Mapping[str, Any]) -> bool:
    """Whether a document that is wrong as it was written is right once the case has changed it."""
    try:
        READERS[name](changed(value, change))
    except Refusal:
        return False
    return True


def check_together(policy: Any, directory: Any, where: str) -> None:
    """Refuse a policy that names an approver whom the directory does not know."""
    with _told_at(where):
        check_approvers(read_policy(policy), read_directory(directory))


@contextmanager
def _told_at(where: str) -> Iterator[None]:
    """Refusals of the block with ``file:line`` before their messages."""
    try:
        yield
    except Refusal as refusal:
        raise Refusal.of([Problem(each.code, f"{where}: {each}", each.path) for each in refusal.problems]) from None
