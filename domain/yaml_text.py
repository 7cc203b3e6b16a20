"""Reading YAML 1.2: ``on``, ``no`` and dates stay texts, numbers with a point are exact decimals, lines are kept.

A YAML 1.1 loader turns the key ``on`` into a boolean and ``2027-01-01`` into a date; policies and stories are read by
the core schema of 1.2 instead. Python objects, repeated keys and documents that grow by aliases are refused.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

import yaml

from domain.refusal import Problem, Refusal

LARGEST_TEXT = 4_000_000
MOST_NODES = 200_000
DEEPEST = 60
NULLS = frozenset(("", "~", "null", "Null", "NULL"))
TRUTHS = {"true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False}
WHOLE = re.compile(r"[-+]?[0-9]{1,40}", re.ASCII)
DECIMAL = re.compile(r"[-+]?([0-9]{1,40}(\.[0-9]{0,40})?|\.[0-9]{1,40})([eE][-+]?[0-9]{1,2})?", re.ASCII)

Loader = getattr(yaml, "CBaseLoader", yaml.BaseLoader)
Path = tuple[str | int, ...]


@dataclass(frozen=True, slots=True)
class YamlDocument:
    """The plain value of a YAML text and, by path, the line (from 1) on which each part begins."""

    name: str
    value: Any
    lines: Mapping[Path, int] = field(default_factory=dict)

    def line_of(self, path: Path) -> int:
        """The line of ``path``, or of the nearest part around it that is there."""
        while path and path not in self.lines:
            path = path[:-1]
        return self.lines.get(path, 1)

    def where(self, path: Path) -> str:
        """``file:line`` of ``path``, for messages."""
        return f"{self.name}:{self.line_of(path)}"


def read_yaml(text: str, name: str = "document") -> YamlDocument:
    """The one document in ``text``. Codes: ``invalid_yaml``, ``too_long``; messages begin with ``name:line``."""
    if len(text) > LARGEST_TEXT:
        raise Refusal("too_long", f"{name}:1: the file is larger than {LARGEST_TEXT:,} characters")
    try:
        _check_depth(text, name)
        root = yaml.compose(text, Loader=Loader)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = mark.line + 1 if mark else 1
        raise Refusal("invalid_yaml", f"{name}:{line}: {error.problem or error.context or 'cannot be read'}") from None
    except (yaml.YAMLError, RecursionError) as error:
        raise Refusal("invalid_yaml", f"{name}:1: {error}") from None
    if root is None:
        return YamlDocument(name, None)
    _Size(name).of(root)
    lines: dict[Path, int] = {}
    return YamlDocument(name, _value(root, (), lines, name), lines)


def _check_depth(text: str, name: str) -> None:
    """Composing follows nesting by recursion and would take the process down; the stream of events does not."""
    depth = 0
    for event in yaml.parse(text, Loader=Loader):
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1
        if depth > DEEPEST:
            line = event.start_mark.line + 1 if event.start_mark else 1
            raise Refusal("too_long", f"{name}:{line}: the document is nested too deeply")


class _Size:
    """Counts what a document would grow to when its aliases are followed, without following them twice."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.known: dict[int, tuple[int, int]] = {}

    def of(self, node: yaml.Node) -> tuple[int, int]:
        """How many parts ``node`` has with everything in it, and how deep they lie."""
        if id(node) in self.known:
            return self.known[id(node)]
        self.known[id(node)] = (MOST_NODES + 1, 0)  # an alias to something around itself never ends
        children: list[yaml.Node] = []
        if isinstance(node, yaml.SequenceNode):
            children = node.value
        elif isinstance(node, yaml.MappingNode):
            children = [part for pair in node.value for part in pair]
        inner = [self.of(child) for child in children]
        size = 1 + sum(parts for parts, _ in inner)
        depth = 1 + max((deep for _, deep in inner), default=0)
        if size > MOST_NODES:
            raise Refusal("too_long", f"{self.name}:{_line(node)}: the document has more than {MOST_NODES:,} parts")
        if depth > DEEPEST + 1:
            raise Refusal("too_long", f"{self.name}:{_line(node)}: the document is nested too deeply")
        self.known[id(node)] = (size, depth)
        return size, depth


def _line(node: yaml.Node) -> int:
    return int(node.start_mark.line) + 1


def _value(node: yaml.Node, path: Path, lines: dict[Path, int], name: str) -> Any:
    lines.setdefault(path, _line(node))
    if node.tag not in ("tag:yaml.org,2002:str", "tag:yaml.org,2002:map", "tag:yaml.org,2002:seq"):
        raise Refusal("invalid_yaml", f"{name}:{_line(node)}: the tag {node.tag} is not allowed")
    if isinstance(node, yaml.SequenceNode):
        return [_value(child, (*path, at), lines, name) for at, child in enumerate(node.value)]
    if isinstance(node, yaml.MappingNode):
        return _mapping(node, path, lines, name)
    assert isinstance(node, yaml.ScalarNode)
    return _scalar(node)


def _mapping(node: yaml.MappingNode, path: Path, lines: dict[Path, int], name: str) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key_node, value_node in node.value:
        if not isinstance(key_node, yaml.ScalarNode):
            raise Refusal("invalid_yaml", f"{name}:{_line(key_node)}: a key must be a text")
        key = str(key_node.value)
        if key in found:
            raise Refusal("invalid_yaml", f"{name}:{_line(key_node)}: the key {key!r} stands twice")
        lines[(*path, key)] = _line(key_node)
        found[key] = _value(value_node, (*path, key), lines, name)
    return found


def _scalar(node: yaml.ScalarNode) -> Any:
    text = str(node.value)
    if node.style is not None and node.style != "":
        return text
    if text in NULLS:
        return None
    if text in TRUTHS:
        return TRUTHS[text]
    if WHOLE.fullmatch(text):
        return int(text)
    if DECIMAL.fullmatch(text):
        return Decimal(text)
    return text


def with_lines(document: YamlDocument, refusal: Refusal, root: Path = ()) -> Refusal:
    """``refusal`` with ``file:line`` before each message, found by the problem's path below ``root``."""
    value = document.value
    for key in root:
        value = value[key]
    problems = [
        Problem(each.code, f"{document.where((*root, *find_path(value, each.path)))}: {each}", each.path)
        for each in refusal.problems
    ]
    return Refusal.of(problems)


def find_path(value: Any, dotted: str) -> Path:
    """The path of keys and positions that ``dotted`` (list elements by id) addresses, as far as it goes."""
    return locate(value, dotted)[0]


def locate(value: Any, dotted: str) -> tuple[Path, list[str]]:
    """The path that ``dotted`` addresses as far as it goes, and the names that lead on from there to nothing."""
    path: list[str | int] = []
    here: Any = value
    left = dotted.split(".") if dotted else []
    while left:
        step = _step(here, left)
        if step is None:
            break
        key, used, here = step
        path.append(key)
        left = left[used:]
    return tuple(path), left


def _step(here: Any, parts: list[str]) -> tuple[str | int, int, Any] | None:
    """The longest run of ``parts`` that names something in ``here``: ids may contain points."""
    for used in range(len(parts), 0, -1):
        name = ".".join(parts[:used])
        if isinstance(here, Mapping) and name in here:
            return name, used, here[name]
        if isinstance(here, list):
            for at, element in enumerate(here):
                if is_named(element, name) or (used == 1 and name == str(at)):
                    return at, used, element
    return None


def is_named(element: Any, name: str) -> bool:
    """Whether ``element`` of a list carries ``name`` as its id."""
    return isinstance(element, Mapping) and any(element.get(key) == name for key in ("line_id", "site_id", "id"))
