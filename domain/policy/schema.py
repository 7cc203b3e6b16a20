"""The JSON Schema of the policy document, for editors that complete and check as one writes.

It is generated from the models and shipped as ``policy.schema.json`` beside this module; a test holds both equal.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from domain.policy.conditions import Operator
from domain.policy.document import Policy
from domain.policy.matrix import RULE_FIELDS
from domain.policy.variables import AGGREGATES

FILE = Path(__file__).with_name("policy.schema.json")
DIALECT = "https://json-schema.org/draft/2020-12/schema"
NAME = r"[A-Za-z_][A-Za-z0-9_]*(\.[A-Za-z0-9_]+)*"
WORDS = "|".join(operator.value.replace(" ", r"\s+") for operator in Operator if operator.value[0].isalpha())


def policy_schema() -> dict[str, Any]:
    """The schema as a document."""
    schema = Policy.model_json_schema(by_alias=True, mode="validation")
    definitions = schema.setdefault("$defs", {})
    definitions["Condition"] = _condition()
    definitions["When"] = _when()
    definitions["Variable"] = _variable()
    definitions["Matrix"] = _matrix(definitions)
    definitions["RulePart"]["properties"]["when"] = {"$ref": "#/$defs/When"}
    schema["properties"]["variables"] = {
        "type": "object",
        "propertyNames": {"pattern": f"^{NAME}$"},
        "additionalProperties": {"$ref": "#/$defs/Variable"},
    }
    one = {"$ref": "#/$defs/Matrix"}
    schema["properties"]["matrix"] = {"anyOf": [one, {"type": "array", "items": one}]}
    return {"$schema": DIALECT, "title": "countersign policy", **{k: v for k, v in schema.items() if k != "title"}}


def schema_text() -> str:
    """The schema as the file has it."""
    return json.dumps(policy_schema(), indent=1, sort_keys=True) + "\n"


def _condition() -> dict[str, Any]:
    return {
        "type": "string",
        "pattern": rf"^\s*{NAME}\s*((=|!=|<|<=|>|>=)|\s({WORDS}))",
        "description": "name, operator and value: max_discount > 25, region in US, EU, note is blank",
    }


def _when() -> dict[str, Any]:
    me = {"$ref": "#/$defs/When"}
    some = {"type": "array", "items": me, "minItems": 1}
    shapes = [
        {"$ref": "#/$defs/Condition"},
        some,
        *({"type": "object", "properties": {word: some}, "required": [word], "additionalProperties": False}
          for word in ("all", "any")),
        {"type": "object", "properties": {"not": me}, "required": ["not"], "additionalProperties": False},
        {
            "type": "object",
            "properties": {
                "conditions": {"type": "array", "items": {"$ref": "#/$defs/Condition"}, "minItems": 1},
                "logic": {"type": "string", "pattern": r"^[\s()0-9A-Za-z]+$"},
            },
            "required": ["conditions", "logic"],
            "additionalProperties": False,
        },
    ]  # fmt: skip
    return {"anyOf": shapes, "description": "conditions, nested by all, any, not, or numbered with logic"}


def _variable() -> dict[str, Any]:
    shapes: list[dict[str, Any]] = [
        {
            "type": "object",
            "properties": {word: {"type": "string", "pattern": r"^lines(\.|$)"}, "where": {"$ref": "#/$defs/When"}},
            "required": [word],
            "additionalProperties": False,
        }
        for word in AGGREGATES
    ]
    sides = {side: {"type": "string"} for side in ("list", "net")}
    discount = {"type": "object", "properties": sides, "required": ["list", "net"], "additionalProperties": False}
    shapes.append(
        {
            "type": "object",
            "properties": {"discount": discount},
            "required": ["discount"],
            "additionalProperties": False,
        }
    )
    shapes += [{"type": "string", "description": "a formula: net_total - cost * 1.2"}, {"type": "number"}]
    return {"anyOf": shapes}


def _matrix(definitions: dict[str, Any]) -> dict[str, Any]:
    rule = definitions["RulePart"]["properties"]
    fields = {name: rule[name] for name in sorted(RULE_FIELDS & set(rule) - {"when", "id"})}
    return {
        "type": "object",
        "description": "a decision table: each row becomes a rule, cells are bands (5..10), values, or tests",
        "properties": {
            **fields,
            "id": rule["id"],
            "columns": {"type": "array", "items": {"type": "string", "pattern": f"^{NAME}$"}, "minItems": 1},
            "rows": {"type": "array", "items": {"type": "object"}, "minItems": 1},
        },
        "required": ["id", "columns", "rows"],
        "additionalProperties": False,
    }
