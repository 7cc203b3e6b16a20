"""The story format: what a file may say, checked with ``file:line`` before it is played (``spec/scenarios.md``)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AliasChoices, BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from domain.approval.state import Verdict, Where
from domain.calendar import Duration, clock_duration
from domain.order.choosing import Pick
from domain.reading import problem_error, read_model
from domain.refusal import Problem, Refusal
from domain.yaml_text import Path as Place
from domain.yaml_text import YamlDocument
from starter.stories.material import Source, check_together, material, read_lines, source


def _moment(value: Any) -> datetime:
    if isinstance(value, datetime):
        return value
    if isinstance(value, str):
        try:
            moment = datetime.fromisoformat(value)
        except ValueError:
            moment = None
        if moment is not None:
            return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    raise problem_error("invalid_moment", 'write a moment as "2026-11-23T09:00-06:00"')


def _number(value: Any) -> Any:
    """Stories may write quantities bare; a text is what the documents themselves take."""
    return value if isinstance(value, str) or value is None or isinstance(value, bool) else str(value)


def _line_map(value: Any) -> Any:
    """Lines as a mapping; a list of line ids, or one id, names them whole; a list may also say quantities."""
    named = [value] if isinstance(value, str) else value
    if not isinstance(named, list):
        return named
    pairs = [(each["line"], each.get("quantity")) if _is_line(each) else (each, None) for each in named]
    if any(not isinstance(line, str) for line, _ in pairs):
        return value
    if len(dict(pairs)) != len(pairs):
        raise problem_error("conflicting_fields", "a line is named twice; give one quantity of it")
    return dict(pairs)


def _is_line(value: Any) -> bool:
    return isinstance(value, dict) and "line" in value and value.keys() <= {"line", "quantity"}


def _one_or_more(value: Any) -> Any:
    return (value,) if isinstance(value, str) else value


Moment = Annotated[datetime, BeforeValidator(_moment)]
NumberText = Annotated[str, BeforeValidator(_number)]
Disposition = Literal["unordered", "cancelled"]


CHANGES: Mapping[str, str] = {"policy": "policy_change", "directory": "directory_change", "quote": "change"}
"""What a case calls the changes of its documents."""


class Verb(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)


class Acting(Verb):
    by: str
    comment: str | None = None


class Recalling(Acting):
    admin: bool = False


class Deciding(Acting):
    rule: str | None = None
    approval: str | None = None
    reason: str | None = None
    for_: str | None = Field(default=None, alias="for")

    @model_validator(mode="after")
    def _names_an_approval(self) -> Deciding:
        if self.rule is None and self.approval is None:
            raise problem_error("missing_field", "name the rule (or the approval) that is decided")
        return self


class Asking(Deciding):
    """A question to the submitter."""


class Answering(Verb):
    """The submitter's answer; of the only open question where none is named."""

    by: str | None = None
    comment: str | None = None
    rule: str | None = None
    approval: str | None = None


class Reassigning(Deciding):
    to: str
    admin: bool = False


class Adding(Deciding):
    who: str
    where: Where = Where.BESIDE


class Overriding(Deciding):
    decision: Verdict


class Withdrawing(Deciding):
    """A decision that is taken back."""


class Recomputing(Verb):
    """An operator has deadlines worked out again on the calendars of now."""

    by: str | None = None
    comment: str | None = None
    rule: str | None = None
    approval: str | None = None


class ChangingDirectory(Verb):
    """Changes of the directory by path, as ``directory_change`` of a case."""

    change: Mapping[str, Any]
    comment: str | None = None


class Editing(Acting):
    change: Mapping[str, Any]


class Delegating(Verb):
    of: str
    to: str
    from_: str | None = Field(default=None, alias="from")
    until: str | None = None
    scope: Any = None
    largest: Any = None
    comment: str | None = None


class EndingDelegation(Verb):
    of: str
    comment: str | None = None


class Deactivating(Verb):
    user: str
    comment: str | None = None


class Replacing(Verb):
    """Somebody takes the place of an approver (as rules read the name) or of a user, everywhere and for good."""

    approver: str | None = None
    user: str | None = None
    by_whom: str
    by: str | None = None
    comment: str | None = None

    @model_validator(mode="after")
    def _names_one(self) -> Replacing:
        if (self.approver is None) == (self.user is None):
            raise problem_error("missing_field", "name the approver or the user who is replaced, one of them")
        return self


class Publishing(Verb):
    """A new version; ``policy`` is a document, or a path from the story as in its head."""

    policy: Any = None
    policy_change: Mapping[str, Any] | None = None
    comment: str | None = None


class Previewing(Verb):
    by: str | None = None


class Picking(Verb):
    """A line by hand; its numbers and dates are read when the step is played, so that a story can expect a refusal."""

    line: str
    quantity: NumberText | None = None
    order_date: str | None = None
    ship_to: str | None = None


class Ordering(Verb):
    split_by: Annotated[tuple[str, ...] | None, BeforeValidator(_one_or_more)] = None
    lines: tuple[Picking, ...] | None = None
    as_: str | None = Field(default=None, alias="as")
    by: str | None = None
    comment: str | None = None

    @model_validator(mode="after")
    def _names_what_is_ordered(self) -> Ordering:
        if (self.split_by is None) == (self.lines is None):
            raise problem_error("missing_field", "say by what to split (split_by), or which lines to order")
        return self

    @property
    def picks(self) -> tuple[Pick, ...] | None:
        """The lines by hand. Codes: ``invalid_number``, ``invalid_date``, ``quantity_out_of_range``."""
        if self.lines is None:
            return None
        return tuple(read_model(Pick, each.model_dump(), root=f"lines.{at}") for at, each in enumerate(self.lines))


class OrderVerb(Verb):
    order: str
    by: str | None = None
    comment: str | None = None
    reason: str | None = None


class MovingDate(OrderVerb):
    to: str


class Acknowledging(OrderVerb):
    outcome: Literal["accepted", "rejected"] = "accepted"
    document: str | None = None


class Delivering(OrderVerb):
    line: str | None = None
    quantity: NumberText | None = None
    on: str | None = None
    evidence: str | None = None


class Reaching(OrderVerb):
    line: str
    milestone: str | None = None
    on: str | None = None
    evidence: str | None = None


class Lined(OrderVerb):
    """``lines`` are line ids with quantities; a list names whole lines, ``line`` with ``quantity`` one."""

    lines: Annotated[Mapping[str, NumberText | None] | None, BeforeValidator(_line_map)] = None

    @model_validator(mode="before")
    @classmethod
    def _one_line(cls, value: Any) -> Any:
        if isinstance(value, dict) and "line" in value and "lines" not in value:
            rest = {key: each for key, each in value.items() if key not in ("line", "quantity")}
            return {**rest, "lines": {value["line"]: value.get("quantity")}}
        return value


class Dated(Lined):
    """Lines that go into a new order; its date is ``to`` or ``order_date``."""

    to: str | None = None
    order_date: str | None = None
    as_: str | None = Field(default=None, alias="as")


class Dividing(Dated):
    """Lines that go into another order, ``to`` or ``into``, or into a new one."""

    into: str | None = None


class Cancelling(Lined):
    disposition: Disposition = "unordered"


class Supplementing(Dated):
    disposition: Disposition = "unordered"


class ClosingShort(OrderVerb):
    disposition: Disposition = "unordered"


class Merging(OrderVerb):
    """``with`` (or ``orders``) go into ``order``; or ``order`` goes, with them, into the order ``to``."""

    orders: Annotated[tuple[str, ...], BeforeValidator(_one_or_more)] = Field(
        default=(), validation_alias=AliasChoices("with", "orders")
    )
    to: str | None = Field(default=None, validation_alias=AliasChoices("to", "into"))

    @model_validator(mode="after")
    def _names_others(self) -> Merging:
        if not self.orders and self.to is None:
            raise problem_error(
                "missing_field", "name the orders to merge into it (with), or the one it goes into (to)"
            )
        return self

    @property
    def target(self) -> str:
        return self.to or self.order

    @property
    def absorbed(self) -> tuple[str, ...]:
        return (self.order, *self.orders) if self.to else self.orders


class Holding(OrderVerb):
    """A verb that needs nothing but the order; a hold needs its reason."""


class Progressing(OrderVerb):
    percent: NumberText
    line: str | None = None
    on: str | None = None
    evidence: str | None = None


class Using(OrderVerb):
    line: str
    quantity: NumberText
    amount: NumberText | None = None
    on: str | None = None
    evidence: str | None = None


class Invoicing(OrderVerb):
    line: str
    amount: NumberText
    on: str | None = None
    document: str | None = None


class AmendingLine(Verb):
    """How one line of a contract changes."""

    line: str
    ship_to: str | None = None
    quantity_change: NumberText | None = None
    unit_price: NumberText | None = None
    start_date: str | None = None
    end_date: str | None = None


class Amending(Verb):
    """An amendment of the contract of a quote. Where no later step submits it, it is submitted, and ordered once it
    is approved."""

    contract_of: str
    start_date: str
    lines: tuple[AmendingLine, ...]
    quote_id: str | None = None
    by: str | None = None
    comment: str | None = None


class Renewing(Verb):
    """A renewal of the contract of a quote: prepared at once, or ``lead`` before the contract's end."""

    contract_of: str
    lead: Duration | None = None
    price: Literal["same", "list", "uplift"] | None = None
    uplift_percent: NumberText | None = None
    co_termination: Literal["latest", "earliest"] | None = None
    term_months: int | None = None
    list_prices: Mapping[str, NumberText] | None = None
    quote_id: str | None = None
    by: str | None = None
    comment: str | None = None


class ClosingPeriod(Verb):
    """A month that is closed with all before it."""

    month: str
    by: str | None = None
    comment: str | None = None


VERBS: Mapping[str, type[Verb]] = {
    "amend": Amending,
    "renew": Renewing,
    "close_period": ClosingPeriod,
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
