"""Acts as services send them straight to a run, and verbs as people call them at the desk."""

from __future__ import annotations

import uuid
from typing import Any

from activities.tokens import Identity
from domain.approval.deeds import deed_of
from domain.approval.state import ActVerb, RoundAct, RoundState
from starter.approval_desk import ApprovalDesk, new_act
from tests.workflows.house import TOKENS, House, approval_of, refusal_code
from workflows.messages import Act

ASK, ANSWER, ADD, REASSIGN, OVERRIDE, WITHDRAW, RECOMPUTE = ActVerb
INES = Identity("ines", frozenset({"override"}))


def act_message(
    state: RoundState,
    rule: str,
    who: Identity,
    verb: ActVerb,
    *,
    key: str | None = None,
    token: str | None = None,
    **fields: Any,
) -> Act:
    """What a service sends straight to the run, with a token for just this act."""
    act = RoundAct(act_id=key or uuid.uuid4().hex, verb=verb, by=who.user, approval=approval_of(state, rule), **fields)
    return Act(act=act, token=token or TOKENS.act(who, act.approval, deed_of(act), act.act_id))


async def sent(house: House, state: RoundState, message: Act) -> str:
    """Send it as an update; the code of a refusal, or done."""
    return await refusal_code(house.run_of(state).execute_update("act", message))


async def act(house: House, state: RoundState, rule: str, who: Identity, verb: ActVerb, **fields: Any) -> RoundState:
    """Do it at the desk."""
    given = new_act(who, verb, approval=approval_of(state, rule), **fields)
    return await ApprovalDesk(house.desk).act(who, given)
