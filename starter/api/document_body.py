"""A document in a request's body, as JSON or as YAML. Bare numbers in it are exact decimals."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from fastapi import Request

from domain.refusal import Refusal
from domain.yaml_text import read_yaml
from starter.api.route import JSON_TYPES, media_type, read_json

EITHER = {
    "requestBody": {
        "required": True,
        "content": {"application/json": {"schema": {"type": "object"}}, "application/yaml": {}},
    }
}
"""How the description of the API tells of it."""


async def read_document(request: Request) -> tuple[dict[str, Any], str]:
    """The document in the body, and its text. Codes: ``invalid_text``, ``invalid_json``, ``invalid_yaml``,
    ``wrong_type``.
    """
    body = await request.body()
    try:
        text = body.decode()
    except UnicodeDecodeError:
        raise Refusal("invalid_text", "the body is not UTF-8; send it so encoded") from None
    value = read_json(body, parse_float=Decimal) if media_type(request) in JSON_TYPES else read_yaml(text, "body").value
    if not isinstance(value, dict):
        raise Refusal("wrong_type", "send one document: a mapping of fields")
    return value, text
