"""The player: plays the cases of a story on a stage and tells what became of each."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from domain.approval.state import ActVerb
from domain.calendar import clock_duration
from domain.delegation import Delegation
from domain.reading import read_model
from domain.refusal import Refusal
from domain.standing import QuoteState
from starter.stories.approval_verbs import Delegating
from starter.stories.comparison import Mismatch
from starter.stories.document import Case, Step
from starter.stories.expectations import mismatches
from starter.stories.operations import OPERATIONS
from starter.stories.order_verbs import Ordering
from starter.stories.stage import Stage

NOT_BUILT_YET = "not_built_yet"
Trace = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Told:
    """What became of a case: ``passed``, ``failed`` with the failures, or ``not_built`` with what is missing."""

    name: str
    outcome: str
    failures: tuple[str, ...] = ()
    where: str = ""

    @property
    def passed(self) -> bool:
        return self.outcome == "passed"


@dataclass(slots=True)
class _Mark:
    """How much of the record and of the messages earlier ``expect`` steps have seen."""

    happenings: int = 0
    messages: int = 0


async def play(case: Case, stage: Stage, trace: Trace | None = None) -> Told:
    """Play ``case`` on ``stage``. Later steps are not played once one failed: they would tell of its consequences."""
    mark, traced = _Mark(), 0
    try:
        await stage.begin(case)
    except Refusal as refusal:
        return _refused(case, case.where, "the documents of the case", refusal)
    amending: str | None = None
    for number, step in enumerate(case.steps):
        try:
            failures = await _play_step(step, stage, mark)
            if step.verb == "amend":
                amending = await _begin_amendment(stage, step, case.steps[number + 1 :])
            amending = await _finish_amendment(stage, amending)
        except Refusal as refusal:
            if step.refused != refusal.code:
                return _refused(case, step.where, step.name or step.verb, refusal, step.refused)
        else:
            if step.refused is not None:
                failures = [f"{step.where}: {step.verb} should be refused with {step.refused} and was not"]
            if failures:
                return Told(case.name, "failed", tuple(failures), step.where)
        if trace is not None:
            traced = await _trace(step, stage, trace, traced)
    return Told(case.name, "passed", where=case.where)


def _refused(case: Case, where: str, what: str, refusal: Refusal, expected: str | None = None) -> Told:
    outcome = "not_built" if refusal.code == NOT_BUILT_YET else "failed"
    wanted = f" (expected {expected})" if expected else ""
    return Told(case.name, outcome, (f"{where}: {what} was refused{wanted}: {refusal}",), where)


async def _play_step(step: Step, stage: Stage, mark: _Mark) -> list[str]:
    if step.verb == "expect":
        return [f"{step.where}: {mismatch}" for mismatch in await _expect(step.arguments, stage, mark)]
    if step.verb == "wait":
        await stage.advance_to(stage.clock + clock_duration(step.arguments))
    elif step.verb == "until":
        if step.arguments < stage.clock:
            return [f"{step.where}: the clock already shows {stage.clock.isoformat()}"]
        await stage.advance_to(step.arguments)
    else:
        await VERBS[step.verb](stage, step.arguments)
    return []


async def _begin_amendment(stage: Stage, step: Step, following: Sequence[Step]) -> str | None:
    """Submit an amendment that no later step submits; whose it is, when it is to be ordered once it is approved."""
    own = next((each.verb for each in following if each.verb in ("submit", "amend", "renew")), None)
    if own == "submit":
        return None
    who = step.arguments.by or (await stage.facts()).owner
    await stage.submit(who, step.arguments.comment)
    return who


async def _finish_amendment(stage: Stage, who: str | None) -> str | None:
    """Accept and order an amendment that has just been approved; then the first quote is that of the case again."""
    if who is None or (await stage.facts()).state is not QuoteState.APPROVED:
        return who
    await stage.accept(who, None)
    await stage.order(Ordering(split_by=("order_date", "ship_to"), by=who))
    await stage.turn_back()
    return None


async def _expect(expected: Mapping[str, Any], stage: Stage, mark: _Mark) -> list[Mismatch]:
    facts = await stage.facts()
    found = mismatches(expected, facts, mark.happenings, mark.messages)
    mark.happenings, mark.messages = len(facts.happenings), len(facts.messages)
    return found


async def _trace(step: Step, stage: Stage, trace: Trace, seen: int) -> int:
    """Tell what ``step`` brought; the number of happenings told so far."""
    facts = await stage.facts()
    who = getattr(step.arguments, "by", None) or ""
    trace(f"{stage.clock.isoformat(timespec='minutes')} {step.verb} {who} -> {facts.state}")
    for each in facts.happenings[seen:]:
        words = (each.at.isoformat(timespec="minutes"), each.kind, *each.names[:1], each.by or "")
        trace("    " + " ".join(words).rstrip())
    return len(facts.happenings)


def _delegation(arguments: Delegating) -> Delegation:
    given = {"of": arguments.of, "to": arguments.to, "from": arguments.from_, "until": arguments.until}
    given |= {"scope": arguments.scope, "largest": arguments.largest}
    return read_model(Delegation, {key: value for key, value in given.items() if value is not None})


def _acting(verb: str) -> Callable[[Stage, Any], Awaitable[None]]:
    return lambda stage, given: stage.act(verb, given)


def _operating(verb: str) -> Callable[[Stage, Any], Awaitable[None]]:
    return lambda stage, given: stage.operate(verb, given)


VERBS: Mapping[str, Callable[[Stage, Any], Awaitable[object]]] = {
    "submit": lambda stage, given: stage.submit(given.by, given.comment),
    "recall": lambda stage, given: stage.recall(given.by, given.comment, admin=given.admin),
    "accept": lambda stage, given: stage.accept(given.by, given.comment),
    "approve": lambda stage, given: stage.decide("approve", given),
    "reject": lambda stage, given: stage.decide("reject", given),
    **{verb: _acting(verb) for verb in ActVerb},
    "change_directory": lambda stage, given: stage.change_directory(given.change),
    "edit": lambda stage, given: stage.edit(given.by, given.change),
    "delegate": lambda stage, given: stage.delegate(_delegation(given)),
    "end_delegation": lambda stage, given: stage.end_delegation(given.of),
    "deactivate": lambda stage, given: stage.deactivate(given.user),
    "replace": lambda stage, given: stage.replace(given),
    "publish": lambda stage, given: stage.publish(given),
    "preview": lambda stage, given: stage.preview(given.by),
    "order": lambda stage, given: stage.order(given),
    "move_date": lambda stage, given: stage.move_date(given),
    "activate": lambda stage, given: stage.activate(given),
    "acknowledge": lambda stage, given: stage.acknowledge(given),
    "deliver": lambda stage, given: stage.deliver(given),
    "accept_item": lambda stage, given: stage.accept_item(given),
    "reach": lambda stage, given: stage.reach(given),
    "amend": lambda stage, given: stage.amend(given),
    "renew": lambda stage, given: stage.renew(given),
    "close_period": lambda stage, given: stage.close_period(given),
    "credit_hold": lambda stage, given: stage.credit(given.reason, held=True),
    "lift_credit_hold": lambda stage, given: stage.credit(given.reason, held=False),
    **{verb: _operating(verb) for verb in OPERATIONS},
}
