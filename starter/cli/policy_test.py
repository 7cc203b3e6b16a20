"""``countersign policy test``: plays stories on the pure core and tells what of the policy they exercised."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from starter.stories.coverage import Coverage, PolicyCoverage, RuleCoverage
    from starter.stories.document import Case
    from starter.stories.mutation import Trial
    from starter.stories.player import Told

Json = dict[str, Any]


def cover(
    files: Annotated[list[Path], typer.Argument(help="Story files (YAML).", metavar="FILE…")],
    fail_under: Annotated[
        float, typer.Option("--fail-under", min=0, max=100, help="Exit 1 when less, in percent, was exercised.")
    ] = 0,
    mutate: Annotated[
        bool, typer.Option("--mutate", help="Also play the stories on policies with one small thing wrong.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print everything as JSON.")] = False,
) -> None:
    """Play stories without a server; report which rules fired and did not, and which side of each condition was met.

    Exit 1 when a case failed or less than --fail-under percent was exercised, 2 when a file is wrong. With --mutate,
    small faults that no story noticed are listed; they do not fail the command.
    """
    import json

    from domain.refusal import Refusal
    from starter.stories.coverage import Coverage
    from starter.stories.document import read_story

    try:
        cases = [case for file in files for case in read_story(file)]
    except Refusal as refusal:
        for problem in refusal.problems:
            typer.echo(problem.message, err=True)
        raise typer.Exit(2) from None
    coverage = Coverage.of(cases)
    told = _play(cases, coverage)
    passed = all(each.passed for each in told)
    tried = [(policy, *_mutated(policy, cases)) for policy in coverage.policies] if mutate and passed else []
    enough = _is_enough(coverage, fail_under)
    if as_json:
        document = {**_cases_document(told), **_coverage_document(coverage), "fail_under": fail_under}
        if mutate:
            document["mutants"] = [_mutants_document(*each) for each in tried]
        typer.echo(json.dumps(document, indent=1, ensure_ascii=False))
    else:
        for line in (*_case_lines(told), *_coverage_lines(coverage), *_mutant_lines(tried)):
            typer.echo(line)
        if mutate and not passed:
            typer.echo("mutants are played when every case passes")
        if not enough:
            typer.echo(f"less than {fail_under:g} % was exercised")
    if any(each.outcome == "not_built" for each in told):
        raise typer.Exit(2)
    if not passed or not enough:
        raise typer.Exit(1)


def _play(cases: Sequence[Case], coverage: Coverage) -> list[Told]:
    import asyncio

    from starter.stories.player import play

    return [asyncio.run(play(case, coverage.stage(case))) for case in cases]


def _mutated(policy: PolicyCoverage, cases: Sequence[Case]) -> tuple[tuple[Trial, ...], int]:
    """What became of the mutants of ``policy``, and how many there are."""
    from starter.cli.progress import progress
    from starter.stories.mutation import chosen, trials

    candidates, there = chosen(policy.source)
    own = [case for case in cases if case.policy_source.key == policy.source.key]
    with progress(f"mutants of {policy.name}", len(candidates)) as on_done:
        return trials(policy.source, candidates, own, on_done), there


def _is_enough(coverage: Coverage, fail_under: float) -> bool:
    # As it stands, not as it is shown: 89.96 % is under 90.
    done, all_ = coverage.exercised
    return 100 * done >= fail_under * all_


# -- for people


def _case_lines(told: Sequence[Told]) -> Iterator[str]:
    from starter.cli.scenario import MARKS

    for one in told:
        yield f"{MARKS[one.outcome]} {one.name}"
        yield from (f"    {failure}" for failure in one.failures)
    found = _cases_document(told)
    missing = f", {found['not_built']} not built yet" if found["not_built"] else ""
    yield f"{found['passed']} passed, {found['failed']} failed{missing}"


def _coverage_lines(coverage: Coverage) -> Iterator[str]:
    from starter.cli.tables import table

    for policy in coverage.policies:
        yield ""
        yield f"policy {policy.name} ({policy.source.document.name}), evaluated {policy.evaluations} times"
        yield from table((f"  {rule.rule.id}", *_cells(rule)) for rule in policy.rules.values())
    done, all_ = coverage.exercised
    yield ""
    yield f"coverage {_percent(done, all_)} % ({done} of {all_}: each rule fired and not, each condition met and not)"


def _cells(rule: RuleCoverage) -> tuple[str, str, str]:
    counts = f"fired {rule.fired}", f"not {rule.not_fired}"
    if not rule.rule.active:
        return (*counts, "not active, so not counted")
    return (*counts, f"{rule.where}: {'; '.join(rule.missing)}" if rule.missing else "all sides")


def _mutant_lines(tried: Sequence[tuple[PolicyCoverage, Sequence[Trial], int]]) -> Iterator[str]:
    for policy, trials, there in tried:
        found = _mutants_document(policy, trials, there)
        yield ""
        share = _percent(found["noticed"], found["played"])
        yield f"mutants of policy {policy.name}: {found['noticed']} of {found['played']} noticed ({share} %)"
        if found["left_out"]:
            yield f"  {len(trials):,} of {there:,} mutants were taken, at even distances"
        for survivor in found["survivors"]:
            yield f"  {survivor['where']}: {survivor['text']}"
        if found["survivors"]:
            yield "no story noticed these"


def _percent(done: int, all_: int) -> str:
    """Rounded down, so that 100 is only said of everything."""
    tenths = 1000 * done // all_ if all_ else 1000
    return f"{tenths // 10}.{tenths % 10}"


# -- as data


def _cases_document(told: Sequence[Told]) -> Json:
    cases = [{"name": one.name, "outcome": one.outcome, "where": one.where, "failures": one.failures} for one in told]
    outcomes = [one.outcome for one in told]
    counts = {name: outcomes.count(name) for name in ("passed", "failed", "not_built")}
    return {**counts, "cases": cases}


def _coverage_document(coverage: Coverage) -> Json:
    done, all_ = coverage.exercised
    policies = [
        {
            "policy": policy.name,
            "file": policy.source.document.name,
            "evaluations": policy.evaluations,
            "rules": [_rule_document(rule) for rule in policy.rules.values()],
        }
        for policy in coverage.policies
    ]
    return {"percent": coverage.percent, "exercised": done, "of": all_, "policies": policies}


def _rule_document(rule: RuleCoverage) -> Json:
    return {
        "rule": rule.rule.id,
        "where": rule.where,
        "active": rule.rule.active,
        "fired": rule.fired,
        "not_fired": rule.not_fired,
        "conditions": [
            {"text": each.text, "met": each.met, "not_met": each.not_met} for each in rule.conditions.values()
        ],
        "missing": rule.missing,
    }


def _mutants_document(policy: PolicyCoverage, trials: Sequence[Trial], there: int) -> Json:
    verdicts = [str(each.verdict) for each in trials]
    survivors = [
        {"where": policy.source.where(each.mutant.place), "text": each.mutant.text}
        for each in trials
        if each.verdict == "survived"
    ]
    return {
        "policy": policy.name,
        "played": len(verdicts) - verdicts.count("not_valid"),
        "noticed": verdicts.count("noticed"),
        "not_valid": verdicts.count("not_valid"),
        "left_out": there - len(trials),
        "survivors": survivors,
    }
