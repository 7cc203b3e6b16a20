"""Check: what is wrong with a policy, proven before it is published (``spec/approvals.md`` 2, 3, 5, 6).

Nothing is reported as impossible that some quote could do. The work is bounded by count: where it runs out, the check
says so (``not_proven``) and everything it could not prove counts as possible.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, date, datetime, time
from typing import Any

from domain.people import Directory
from domain.policy.check_deciders import DeciderCheck
from domain.policy.check_people import PeopleCheck
from domain.policy.check_rules import RuleCheck
from domain.policy.check_smart import SmartCheck
from domain.policy.check_types import TypeCheck
from domain.policy.document import Policy, read_policy
from domain.policy.finding import Finding, error, in_order, of_refusal, warning
from domain.policy.matrix_findings import matrix_findings
from domain.policy.places import Places
from domain.policy.possible import Work
from domain.policy.satisfiable import Reader
from domain.policy.vocabulary import Vocabulary
from domain.refusal import Refusal

MOST_RULES = 2_000
MOST_VARIABLES = 300
MOST_CHAINS = 300
LARGEST_TEXT = 1_000_000
"""Characters of a policy file that is checked."""
WORK_OF_A_POLICY, WORK_OF_A_RULE = 40_000, 50
PEOPLE_WORK = 100_000
"""Steps of thinking; a million of them take about a second."""
CONSEQUENCES = frozenset(("contradiction", "always_fires", "dead_alternative"))
MATRIX = ", the rows of its tables among them"
MOST_OF_A_CODE = 50
"""Findings of one code that are told; more of them say nothing new."""


def check(
    policy: Policy,
    directory: Directory | None = None,
    *,
    on: date,
    rule_work: Work | None = None,
    people_work: Work | None = None,
) -> tuple[Finding, ...]:
    """What is wrong with ``policy`` from the day ``on``, with its people when a directory is given; errors first."""
    thinking, asking = (
        rule_work or Work(WORK_OF_A_POLICY + WORK_OF_A_RULE * len(policy.rules)),
        people_work or Work(PEOPLE_WORK),
    )
    found = list(_findings(policy, directory, on, thinking, asking))
    if thinking.gave_up or asking.gave_up:
        message = "the policy is too large to prove everything; what was not looked at may still be wrong"
        found.append(warning("not_proven", "policy", message))
    return _told(in_order(found))


def check_document(data: Any, directory: Directory | None = None, *, on: date) -> tuple[Finding, ...]:
    """What is wrong with the policy in ``data`` (a decoded document), also where it cannot be read."""
    found = tuple(_oversized(data))
    if found:
        return found
    try:
        policy = read_policy(data)
    except Refusal as refusal:
        return _told(of_refusal(refusal))
    return check(policy, directory, on=on)


def _oversized(data: Any) -> Iterator[Finding]:
    """Refusals by size, before anything is read."""
    if not isinstance(data, Mapping):
        return
    for name, most in (("rules", MOST_RULES), ("variables", MOST_VARIABLES), ("chains", MOST_CHAINS)):
        part = data.get(name)
        size = len(part) if isinstance(part, list | Mapping) else 0
        if name == "rules":
            size += sum(_rows(table) for table in _tables(data))
        if size > most:
            yield error("too_long", name, f"a policy has at most {most:,} {name}{MATRIX if name == 'rules' else ''}")


def _tables(data: Mapping[str, Any]) -> list[Any]:
    tables = data.get("matrix")
    return tables if isinstance(tables, list) else [tables]


def _rows(table: Any) -> int:
    rows = table.get("rows") if isinstance(table, Mapping) else None
    return len(rows) if isinstance(rows, list) else 0


def _findings(policy: Policy, directory: Directory | None, on: date, thinking: Work, asking: Work) -> Iterator[Finding]:
    vocabulary, places = Vocabulary(policy), Places(policy)
    types = tuple(TypeCheck(policy, vocabulary, places, thinking).findings())
    yield from types
    rules = RuleCheck(policy, vocabulary, places, thinking, on)
    mistyped = {path for each in types if each.is_error for path in _around(each.path)}
    # Where a comparison cannot come out, that conditions exclude each other is no news.
    yield from (each for each in rules.findings() if not (each.code in CONSEQUENCES and each.path in mistyped))
    yield from SmartCheck(policy, vocabulary, places, rules.never).findings()
    yield from matrix_findings(policy)
    if directory is not None:
        yield from PeopleCheck(policy, directory, places, datetime.combine(on, time(), UTC)).findings()
        reader = Reader(vocabulary, asking)
        yield from DeciderCheck(policy, directory, places, reader, on, rules.never).findings()


def _around(path: str) -> Iterator[str]:
    """``path`` and the paths of everything that it is in."""
    steps = path.split(".")
    return (".".join(steps[:end]) for end in range(1, len(steps) + 1))


def _told(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """``findings`` with those beyond the most of a code counted instead."""
    kept: list[Finding] = []
    more: Counter[tuple[str, str]] = Counter()
    for finding in findings:
        key = (finding.severity, finding.code)
        more[key] += 1
        if more[key] <= MOST_OF_A_CODE:
            kept.append(finding)
    for (severity, code), times in more.items():
        if times > MOST_OF_A_CODE:
            told = f"and {times - MOST_OF_A_CODE} more of these"
            kept.append(error(code, "", told) if severity == "error" else warning(code, "", told))
    return in_order(kept)
