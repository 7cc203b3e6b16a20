"""Mutation: plays stories on policies with one small thing wrong, on all cores, and tells which nobody noticed."""

from __future__ import annotations

import asyncio
import multiprocessing
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

from domain.changes import changed
from domain.policy.document import read_policy
from domain.policy.evaluate import compile_policy
from domain.policy.mutants import Mutant, mutants
from domain.policy.written import written_out
from domain.refusal import Refusal
from domain.yaml_text import YamlDocument
from starter.stories.core import CoreStage
from starter.stories.document import Case
from starter.stories.material import Source
from starter.stories.player import play

MOST = 2000
"""Mutants of one policy that are played; of more, as many are taken at even distances."""
AT_ONCE = 8
"""Mutants that a process takes at a time; below that many, a process would cost more than it saves."""


class Verdict(StrEnum):
    NOTICED = "noticed"
    SURVIVED = "survived"
    NOT_VALID = "not_valid"


@dataclass(frozen=True, slots=True)
class Trial:
    """What became of a mutant; ``by`` is the first case that failed on it."""

    mutant: Mutant
    verdict: Verdict
    by: str | None = None


@dataclass(frozen=True, slots=True)
class Job:
    """Some mutants of a policy, and the cases that are played on them. It goes to another process as it is."""

    document: Mapping[str, Any]
    mutants: tuple[tuple[int, Mutant], ...]
    cases: tuple[Case, ...]


def chosen(source: Source, most: int = MOST) -> tuple[tuple[Mutant, ...], int]:
    """The mutants to play, in the order of the document, and how many there are."""
    found = tuple(mutants(source.value))
    if len(found) <= most:
        return found, len(found)
    return tuple(found[at * len(found) // most] for at in range(most)), len(found)


def trials(
    source: Source, candidates: Sequence[Mutant], cases: Sequence[Case], on_done: Callable[[int], None]
) -> tuple[Trial, ...]:
    """What became of each candidate, in their order, whichever process was quicker.

    ``cases`` are those told with the policy at ``source``; all of them pass on it. ``on_done`` hears how many more
    were played.
    """
    document = written_out(source.value)
    # What a case knows of its files is large, and no process needs it.
    bare = tuple(replace(case, policy_source=Source(YamlDocument("", None), ())) for case in cases)
    numbered = list(enumerate(candidates))
    jobs = [Job(document, tuple(numbered[at : at + AT_ONCE]), bare) for at in range(0, len(numbered), AT_ONCE)]
    found: dict[int, Trial] = {}
    for part in _played(jobs):
        found |= part
        on_done(len(part))
    return tuple(found[at] for at, _ in numbered)


def _played(jobs: Sequence[Job]) -> Iterator[dict[int, Trial]]:
    processes = min(_cores(), len(jobs))
    if processes < 2:
        yield from map(run, jobs)
        return
    # Not forked: a copy of a process that has threads may hang.
    pool = ProcessPoolExecutor(processes, mp_context=multiprocessing.get_context("spawn"))
    try:
        for done in as_completed([pool.submit(run, job) for job in jobs]):
            yield done.result()
    finally:
        pool.shutdown(cancel_futures=True)


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def run(job: Job) -> dict[int, Trial]:
    """Play the cases of ``job`` on each of its mutants, until one fails."""
    return {at: asyncio.run(_tried(mutant, mutant.applied(job.document), job.cases)) for at, mutant in job.mutants}


async def _tried(mutant: Mutant, document: Mapping[str, Any], cases: Sequence[Case]) -> Trial:
    try:
        compile_policy(read_policy(document))
    except Refusal:
        return Trial(mutant, Verdict.NOT_VALID)
    for case in cases:
        try:
            policy = _for_case(document, case)
        except Refusal:
            continue  # what the case changes is just what is wrong here; it says nothing of this mutant
        told = await play(replace(case, policy=policy), CoreStage())
        if not told.passed:
            return Trial(mutant, Verdict.NOTICED, case.name)
    return Trial(mutant, Verdict.SURVIVED)


def _for_case(document: Mapping[str, Any], case: Case) -> Mapping[str, Any]:
    if not case.policy_change:
        return document
    policy = changed(document, case.policy_change)
    compile_policy(read_policy(policy))
    return policy
