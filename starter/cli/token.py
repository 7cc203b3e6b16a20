"""``countersign token``: a bearer token for the HTTP API, or one for a single act, signed with the local key."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated

import typer

from domain.approval.state import ActVerb, Verdict, Where

LONGEST = 366
RECALL = "recall"
NEEDED = {ActVerb.ADD: ("to", "where"), ActVerb.REASSIGN: ("to",), ActVerb.OVERRIDE: ("verdict",)}
TAKEN = {
    ActVerb.ASK: ("for",),
    ActVerb.ADD: ("to", "where", "for"),
    ActVerb.REASSIGN: ("to", "for"),
    ActVerb.OVERRIDE: ("verdict",),
}
"""What a deed must say, and what it may say; anything else is not part of it."""

Approval = Annotated[
    str | None, typer.Option("--approval", help="Only for one act on this approval; QUOTE.ROUND for a whole round.")
]
Deed = Annotated[
    str | None,
    typer.Option(
        "--deed", help="That act: ask, answer, add, reassign, override, withdraw, recompute or recall; with --key."
    ),
]
Key = Annotated[str | None, typer.Option("--key", help="The act_id of that act, or the key of the recall.")]


def token(
    user: Annotated[str, typer.Argument(metavar="USER", help="Whom the token speaks for: a user id.")],
    roles: Annotated[list[str] | None, typer.Option("--role", help="A role, such as admin; may be repeated.")] = None,
    days: Annotated[
        int | None,
        typer.Option("--days", help="For how long it is good; 30, for one act 1.", min=1, max=LONGEST),
    ] = None,
    approval: Approval = None,
    verdict: Annotated[
        str | None, typer.Option("--verdict", help="The answer, or what an override says: approve or reject.")
    ] = None,
    decision: Annotated[str | None, typer.Option("--decision", help="The decision_id of an answer.")] = None,
    deed: Deed = None,
    key: Key = None,
    to: Annotated[str | None, typer.Option("--to", help="Whom the deed adds, or who takes over.")] = None,
    where: Annotated[str | None, typer.Option("--where", help="Where it adds: before, beside or after.")] = None,
    for_: Annotated[str | None, typer.Option("--for", help="Whom the act stands in for, where it says so.")] = None,
    comment: Annotated[str | None, typer.Option("--comment", help="The comment that the act will have.")] = None,
    reason: Annotated[str | None, typer.Option("--reason", help="The reason that the act will have.")] = None,
    any_words: Annotated[
        bool, typer.Option("--any-words", help="Leave comment, reason and seat to whoever sends the act.")
    ] = False,
) -> None:
    """Make a token. Whoever has it acts as that user: keep it secret.

    With --approval and --decision it is an act, good for that one answer and nothing else: what a service puts into
    the signal or update that it sends to a run, where operators can read it. With --approval, --deed and --key it is
    the same for whatever else is done in a round. An act is good for one day, and only with the --comment, --reason
    and --for that are given here, none where none is; --any-words leaves them open.
    """
    from starter.cli.line import make_act, make_token

    if not user.strip():
        raise typer.BadParameter("name a user", param_hint="USER")
    told = {"verdict": verdict, "to": to, "where": where, "for": for_}
    words = (comment, reason, for_)
    if any_words and words[:2] != (None, None):
        raise typer.BadParameter("it leaves them open; name none", param_hint="--any-words")
    bound = timedelta(days=days or 1), None if any_words else words
    if deed is not None or key is not None:
        if decision is not None:
            raise typer.BadParameter("an answer has --decision, any other act --deed and --key", param_hint="--deed")
        if not approval or not deed or not key:
            raise typer.BadParameter("such an act needs --approval, --deed and --key", param_hint="--deed")
        typer.echo(make_act(user, approval, _deed(deed, told), key, *bound, *(roles or ())))
        return
    for name in ("to", "where"):
        _refuse(name, told[name], "goes with --deed")
    if approval is None and decision is None:
        for name, given in (("comment", comment), ("reason", reason), ("for", for_), ("any-words", any_words or None)):
            _refuse(name, given and "given", "goes with --decision, or with --deed")
        _refuse("verdict", verdict, "goes with --decision, or with --deed override")
        typer.echo(make_token(user, timedelta(days=days or 30), *(roles or ())))
        return
    if not approval or not decision:
        raise typer.BadParameter("an act needs both --approval and --decision", param_hint="--approval")
    said = _choice("verdict", verdict or "approve", Verdict)
    typer.echo(make_act(user, approval, said, decision, *bound, *(roles or ())))


def _refuse(name: str, given: str | None, why: str) -> None:
    if given is not None:
        raise typer.BadParameter(why, param_hint=f"--{name}")


def _choice(name: str, given: str, among: type[Verdict] | type[Where] | type[ActVerb]) -> str:
    if given not in list(among):
        raise typer.BadParameter(f"is one of {', '.join(among)}", param_hint=f"--{name}")
    return given


def _deed(name: str, told: dict[str, str | None]) -> str:
    """What the token names as its verb, as :func:`~domain.approval.deeds.deed_of` tells it of the act."""
    from domain.approval.deeds import deed_of
    from domain.approval.state import RoundAct

    verb = None if name == RECALL else ActVerb(_choice("deed", name, ActVerb))
    for field, given in told.items():
        if verb is None or field not in TAKEN.get(verb, ()):
            _refuse(field, given, f"is no part of {name}")
        elif given is None and field in NEEDED.get(verb, ()):
            raise typer.BadParameter(f"{name} needs it", param_hint=f"--{field}")
    if verb is None:
        return RECALL
    act = RoundAct(act_id="", verb=verb, by="", to=told["to"], seat_of=told["for"])
    where, verdict = told["where"], told["verdict"]
    said: dict[str, str] = {"where": Where(_choice("where", where, Where))} if where else {}
    said |= {"verdict": Verdict(_choice("verdict", verdict, Verdict))} if verdict else {}
    return deed_of(act.model_copy(update=said))
