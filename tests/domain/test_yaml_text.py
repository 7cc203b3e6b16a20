"""YAML 1.2: what a policy owner writes is what is read, and nothing in a file can hurt us."""

from __future__ import annotations

import time
from decimal import Decimal
from typing import Any

import pytest

from domain.refusal import Refusal
from domain.yaml_text import find_path, read_yaml, with_lines


def value(text: str) -> Any:
    return read_yaml(text).value


def refusal(text: str) -> Refusal:
    with pytest.raises(Refusal) as caught:
        read_yaml(text, "policy.yaml")
    return caught.value


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("on", "on"), ("off", "off"), ("no", "no"), ("yes", "yes"), ("y", "y"), ("NO", "NO"),
        ("2027-01-01", "2027-01-01"), ("2026-11-23T09:00-06:00", "2026-11-23T09:00-06:00"),
        ("09:00", "09:00"), ("1:30:00", "1:30:00"),
        ("true", True), ("False", False), ("'true'", "true"),
        ("null", None), ("~", None), ("", None), ("'null'", "null"),
        ("12", 12), ("-7", -7), ("+7", 7), ("'12'", "12"), ("1_000", "1_000"), ("0x1F", "0x1F"),
        ("1.10", Decimal("1.10")), ("-0.5", Decimal("-0.5")), (".5", Decimal("0.5")), ("1e3", Decimal(1000)),
        ("'1.10'", "1.10"), ("1.2.3", "1.2.3"), (".inf", ".inf"), (".nan", ".nan"),
        ("123456789012345678901234567890.12345678901", Decimal("123456789012345678901234567890.12345678901")),
        ("max_discount > 25", "max_discount > 25"), ("60%", "60%"),
    ],
)  # fmt: skip
def test_a_plain_scalar_is_what_yaml_1_2_says(written: str, read: Any) -> None:
    found = value(f"key: {written}")["key"]
    assert found == read
    assert type(found) is type(read)
    if isinstance(read, Decimal):
        assert str(found) == str(read) or "e" in written


def test_on_and_no_are_keys_too() -> None:
    assert value("on: 1\nno: 2\n2027: 3\n'on ': 4") == {"on": 1, "no": 2, "2027": 3, "on ": 4}


def test_blocks_are_texts() -> None:
    assert value("a: |\n  12\nb: >\n  on\n  off\n") == {"a": "12\n", "b": "on off\n"}


def test_an_alias_repeats_what_it_names() -> None:
    assert value("a: &x [1, 2]\nb: *x") == {"a": [1, 2], "b": [1, 2]}


def test_a_merge_key_is_an_ordinary_key() -> None:
    assert value("a: &x {p: 1}\nb: {<<: *x}")["b"] == {"<<": {"p": 1}}


def test_an_empty_text_is_nothing() -> None:
    assert value("") is None
    assert value("# only a comment\n") is None


@pytest.mark.parametrize(
    ("text", "line", "says"),
    [
        ("a: 1\nb: 2\na: 3", 3, "'a' stands twice"),
        ("a:\n  b: 1\n  b: 1", 3, "'b' stands twice"),
        ("a: 1\n'a': 2", 2, "'a' stands twice"),
        ("a: !!python/object:os.system {}", 1, "tag"),
        ("x: 1\ny: !!int '3'", 2, "tag"),
        ("a: !custom 5", 1, "tag"),
        ("a: 1\nb: [1, 2", 2, ""),
        ("a: *nowhere", 1, "alias"),
        ("a: 1\n---\nb: 2", 2, "document"),
        ("? [1, 2]\n: 3", 1, "a key must be a text"),
        ("a: 'open", 1, ""),
        ("a: \x00", 1, "character"),
        ("\ta: 1", 1, ""),
    ],
)
def test_what_cannot_be_read_is_refused_with_its_line(text: str, line: int, says: str) -> None:
    found = refusal(text)
    assert found.code == "invalid_yaml"
    assert found.message.startswith("policy.yaml:")
    assert abs(int(found.message.split(":")[1]) - line) <= 1
    assert says in found.message


BOMB = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"a{at}: &a{at} [{', '.join([f'*a{at - 1}'] * 10)}]\n" for at in range(1, 40)
)
CHAIN = "- &a0 [x]\n" + "".join(f"- &a{at} [*a{at - 1}]\n" for at in range(1, 500))


@pytest.mark.parametrize(
    "text",
    [
        BOMB,
        CHAIN,
        "a: &a [*a]",
        "a: &a {b: *a}",
        "- &a [1, [2, *a]]",
        "[" * 100_000,
        "- " * 50_000 + "x",
        "{a: " * 5_000,
        "\n".join(["- x"] * 250_000),
        "# " + "x" * 4_000_001,
    ],
    ids=["bomb", "chain", "itself", "itself in a mapping", "itself deeper", "brackets", "dashes", "braces", "many",
         "large"],
)  # fmt: skip
def test_a_document_that_grows_without_end_is_refused_quickly(text: str) -> None:
    begun = time.process_time()
    assert refusal(text).code in ("too_long", "invalid_yaml")
    assert time.process_time() - begun < 5


def test_a_document_may_be_as_deep_as_people_write() -> None:
    assert value("[" * 59 + "]" * 59) is not None


TEXT = """policy: standard
rules:
  - id: first
    step: 1
  - id: second.one
    when:
      all: ["a > 1"]
"""


@pytest.mark.parametrize(
    ("path", "line"),
    [
        ("policy", 1), ("rules", 2), ("rules.first", 3), ("rules.first.step", 4), ("rules.second.one.when", 6),
        ("rules.second.one.when.all", 7), ("rules.first.nothing", 3), ("nothing", 1), ("", 1), ("rules.0.step", 4),
    ],
)  # fmt: skip
def test_a_path_by_id_leads_to_its_line(path: str, line: int) -> None:
    document = read_yaml(TEXT, "policy.yaml")
    assert document.where(find_path(document.value, path)) == f"policy.yaml:{line}"


def test_a_refusal_gets_file_and_line() -> None:
    document = read_yaml(TEXT, "policy.yaml")
    told = with_lines(document, Refusal("some_code", "is wrong", "rules.second.one.when"))
    assert told.code == "some_code"
    assert told.path == "rules.second.one.when"
    assert told.message == "policy.yaml:6: rules.second.one.when: is wrong"
