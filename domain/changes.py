"""Changes to a document by path: ``{lines.L3.discount_percent: "12"}``; ``None`` removes (``spec/scenarios.md``)."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any

from domain.refusal import Refusal
from domain.yaml_text import is_named, locate


def changed(document: Any, changes: Mapping[str, Any]) -> dict[str, Any]:
    """A copy of ``document`` with ``changes`` made. Whether a new key is allowed, the document's own model says.

    Codes: ``wrong_type`` (the document is no mapping), ``unknown_field`` (the path leads nowhere).
    """
    if not isinstance(document, Mapping):
        raise Refusal("wrong_type", "must be a mapping of fields")
    result: dict[str, Any] = copy.deepcopy(dict(document))
    for path, value in changes.items():
        _set(result, path, copy.deepcopy(value))
    return result


def _set(document: dict[str, Any], dotted: str, value: Any) -> None:
    path, rest = locate(document, dotted)
    here: Any = document
    for key in path if rest else path[:-1]:
        here = here[key]
    if not rest and path:
        _replace(here, path[-1], value)
    elif value is None:
        return
    elif isinstance(here, dict):
        for name in rest[:-1]:
            here = here.setdefault(name, {})
        here[rest[-1]] = value
    elif isinstance(here, list) and len(rest) == 1 and is_named(value, rest[0]):
        here.append(value)
    else:
        raise Refusal("unknown_field", "leads nowhere in this document; correct the path", dotted)


def _replace(here: Any, key: str | int, value: Any) -> None:
    if value is None:
        del here[key]
    else:
        here[key] = value
