"""A document as YAML of version 1.2 that reads back as it was: texts that look like anything else are quoted."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import yaml

PLAIN = re.compile(r"[A-Za-z][A-Za-z0-9_. @-]*[A-Za-z0-9]|[A-Za-z]", re.ASCII)


class _Dumper(yaml.SafeDumper):
    """PyYAML writes version 1.1; where the two differ (numbers, times), quotes make both read the same."""


def _text(dumper: yaml.SafeDumper, value: str) -> yaml.ScalarNode:
    style = None if PLAIN.fullmatch(value) else '"'
    return dumper.represent_scalar("tag:yaml.org,2002:str", value, style=style)


_Dumper.add_representer(str, _text)


def yaml_lines(document: Any) -> Iterator[str]:
    """``document`` line by line, in its own order."""
    text = yaml.dump(document, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=110, default_flow_style=None)
    yield from text.rstrip("\n").split("\n")
