"""The story format: what a file may say, checked with ``file:line`` before it is played (``spec/scenarios.md``)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Literal

from pydantic import Field

from domain.calendar import Duration, clock_duration
from domain.reading import read_model
from domain.refusal import Problem, Refusal
from domain.yaml_text import Path as Place
from domain.yaml_text import YamlDocument
from starter.stories.approval_verbs import (
    Acting,
    Adding,
    Answering,
    Asking,
    ChangingDirectory,
    Deactivating,
    Deciding,
    Delegating,
    Editing,
    EndingDelegation,
    Overriding,
    Previewing,
    Publishing,
    Reassigning,
    Recalling,
    Recomputing,
    Replacing,
    Withdrawing,
)
from starter.stories.contract_verbs import Amending, ClosingPeriod, Crediting, Renewing
from starter.stories.material import Source, check_together, material, read_lines, source
from starter.stories.order_verbs import (
    Acknowledging,
    Cancelling,
    ClosingShort,
    Dated,
    Delivering,
    Dividing,
    Holding,
    Invoicing,
    Merging,
    MovingDate,
    Ordering,
    OrderVerb,
    Progressing,
    Reaching,
    Supplementing,
    Using,
)
from starter.stories.words import Moment, Verb

CHANGES: Mapping[str, str] = {"policy": "policy_change", "directory": "directory_change", "quote": "change"}
"""What a case calls the changes of its documents."""

VERBS: Mapping[str, type[Verb]] = {
    "amend": Amending,
    "renew": Renewing,
    "close_period": ClosingPeriod,
    "credit_hold": Crediting,
    "lift_credit_hold": Crediting,
    "submit": Acting,
    "recall": Recalling,
    "accept": Acting,
    "approve": Deciding,
    "reject": Deciding,
    "ask": Asking,
    "answer": Answering,
    "add": Adding,
    "reassign": Reassigning,
    "override": Overriding,
    "withdraw": Withdrawing,
    "recompute": Recomputing,
    "change_directory": ChangingDirectory,
    "edit": Editing,
    "delegate": Delegating,
    "end_delegation": EndingDelegation,
    "deactivate": Deactivating,
    "replace": Replacing,
    "publish": Publishing,
    "preview": Previewing,
    "order": Ordering,
    "move_date": MovingDate,
    "activate": OrderVerb,
    "acknowledge": Acknowledging,
    "deliver": Delivering,
    "accept_item": Delivering,
    "reach": Reaching,
    "split": Dividing,
    "move": Dividing,
    "merge": Merging,
    "cancel": Cancelling,
    "hold": Holding,
    "release": Holding,
    "supplement": Supplementing,
    "close_short": ClosingShort,
    "return": Dated,
    "rollback": Holding,
    "close": Holding,
    "progress": Progressing,
    "usage": Using,
    "invoice": Invoicing,
}
EXPECTATIONS = frozenset((
    "state", "round", "outcome_reason", "requested", "assigned", "approved", "rejected", "skipped", "revoked",
    "not_fired", "due", "messages", "events", "plan", "orders", "totals", "contracts", "entitlements", "covers",
    "revenue", "invariants", "explain",
))  # fmt: skip


@dataclass(frozen=True, slots=True)
class Step:
    """One step: a verb with its arguments; ``refused`` is the code it must be refused with."""

    verb: str
    arguments: Any
    refused: str | None
    name: str | None
    where: str


@dataclass(frozen=True, slots=True)
class Case:
    """One case with its documents, changes made, and the clock's start.

    ``policy_source`` is where its policy was written, ``policy_change`` what the case changes in it; ``order_policy``
    says which changes of orders wait for their approval, where there is one.
    """

    name: str
    at: datetime
    policy: Any
    directory: Any
    quote: Any
    manual_erp: bool
    steps: tuple[Step, ...]
    where: str
    policy_source: Source
    policy_change: Mapping[str, Any]
    cut_off: timedelta | None = None
    order_policy: Any = None


class _CasePart(Verb):
    name: str
    at: Moment | None = None
    change: Mapping[str, Any] = Field(default_factory=dict)
    directory_change: Mapping[str, Any] = Field(default_factory=dict)
    policy_change: Mapping[str, Any] = Field(default_factory=dict)
    policy: Any = None
    directory: Any = None
    quote: Any = None
    erp: Literal["at_once", "manual"] | None = None
    cut_off: Duration | None = None
    order_policy: Any = None
    steps: tuple[Any, ...]


class _FilePart(Verb):
    policy: Any
    directory: Any
    quote: Any
    at: Moment | None = None
    erp: Literal["at_once", "manual"] = "at_once"
    cut_off: Duration | None = None
    order_policy: Any = None
    cases: tuple[Any, ...]


def read_story(path: Path) -> tuple[Case, ...]:
    """The cases of the story file at ``path``.

    A :class:`Refusal` names each problem with ``file:line``.
    """
    document = read_lines(path)
    part = _model(document, _FilePart, document.value, ())
    return tuple(_case(document, path.parent, part, position) for position in range(len(part.cases)))


def _model(document: YamlDocument, model: type[Any], value: Any, at: tuple[str | int, ...]) -> Any:
    try:
        return read_model(model, value)
    except Refusal as refusal:
        problems = [
            Problem(each.code, f"{document.where((*at, *_steps(each.path)))}: {each}", each.path)
            for each in refusal.problems
        ]
        raise Refusal.of(problems) from None


def _steps(path: str) -> tuple[str | int, ...]:
    return tuple(int(part) if part.isdigit() else part for part in path.split(".")) if path else ()


def _case(document: YamlDocument, folder: Path, file: _FilePart, position: int) -> Case:
    at = ("cases", position)
    part: _CasePart = _model(document, _CasePart, file.cases[position], at)
    begins = part.at or file.at
    if begins is None:
        raise Refusal("missing_field", f"{document.where(at)}: say when the story begins, with at:", "at")
    changes = {"policy": part.policy_change, "directory": part.directory_change, "quote": part.change}
    places: dict[str, Place] = {name: at if getattr(part, name) is not None else () for name in changes}
    told = {name: document.where((*at, key)) for name, key in CHANGES.items()}
    documents = {
        name: material(document, folder, name, change, places[name], told[name]) for name, change in changes.items()
    }
    check_together(documents["policy"], documents["directory"], document.where(at))
    order_policy = None
    if part.order_policy is not None or file.order_policy is not None:
        place: Place = at if part.order_policy is not None else ()
        order_policy = material(document, folder, "order_policy", {}, place, document.where(at))
        check_together(order_policy, documents["directory"], document.where(at))
    steps = tuple(_step(document, folder, value, (*at, "steps", number)) for number, value in enumerate(part.steps))
    return Case(
        name=part.name,
        at=begins,
        policy=documents["policy"],
        directory=documents["directory"],
        quote=documents["quote"],
        manual_erp=(part.erp or file.erp) == "manual",
        steps=steps,
        where=document.where(at),
        policy_source=source(document, folder, "policy", places["policy"]),
        policy_change=part.policy_change,
        cut_off=clock_duration(cut_off) if (cut_off := part.cut_off or file.cut_off) else None,
        order_policy=order_policy,
    )


def _step(document: YamlDocument, folder: Path, value: Any, at: tuple[str | int, ...]) -> Step:
    where = document.where(at)
    if not isinstance(value, dict):
        raise Refusal("wrong_type", f"{where}: a step is a mapping with one verb")
    verbs = [key for key in value if key not in ("refused", "name")]
    if len(verbs) != 1:
        raise Refusal("wrong_type", f"{where}: a step has one verb, this one has {', '.join(verbs) or 'none'}")
    verb = verbs[0]
    arguments = _arguments(document, verb, value[verb], (*at, verb), where)
    refused = value.get("refused")
    if refused is not None and not isinstance(refused, str):
        raise Refusal("wrong_type", f"{where}: refused names one code")
    if isinstance(arguments, Publishing) and isinstance(arguments.policy, str):
        arguments = _published(document, folder, arguments, (*at, verb), refused)
    return Step(verb, arguments, refused, value.get("name"), where)


def _published(
    document: YamlDocument, folder: Path, given: Publishing, at: tuple[str | int, ...], refused: str | None
) -> Publishing:
    """``given`` with the policy that its path leads to, checked now unless the story expects it to be refused."""
    if refused is not None:
        return given.model_copy(update={"policy": source(document, folder, "policy", at).value})
    told = document.where((*at, "policy_change"))
    policy = material(document, folder, "policy", given.policy_change or {}, at, told)
    return given.model_copy(update={"policy": policy, "policy_change": None})


def _arguments(document: YamlDocument, verb: str, value: Any, at: tuple[str | int, ...], where: str) -> Any:
    if verb == "expect":
        return _expected(value, where)
    if verb == "wait":
        return _model(document, _Waiting, {"wait": value}, at[:-1]).wait
    if verb == "until":
        return _model(document, _Until, {"until": value}, at[:-1]).until
    if verb not in VERBS:
        raise Refusal("unknown_verb", f"{where}: {verb} is no verb of stories", verb)
    return _model(document, VERBS[verb], {} if value is None else value, at)


class _Waiting(Verb):
    wait: Duration


class _Until(Verb):
    until: Moment


def _expected(value: Any, where: str) -> Mapping[str, Any]:
    if not isinstance(value, dict):
        raise Refusal("wrong_type", f"{where}: expect takes a mapping", "expect")
    for key in value:
        name = key.removesuffix("_only").removesuffix("_any_order")
        if name not in EXPECTATIONS:
            raise Refusal("unknown_expectation", f"{where}: {key} cannot be expected", key)
    return value
