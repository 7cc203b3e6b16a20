"""Replacements as real runs: everywhere, in order, and once, whatever dies or hurries in between."""

from __future__ import annotations

import asyncio
import re
import uuid
from collections.abc import Sequence
from datetime import timedelta
from itertools import pairwise
from typing import Any

import pytest
from temporalio.client import WorkflowExecutionStatus, WorkflowHandle

from activities.replacement_requests import (
    REPLACE,
    OpenReplacement,
    ReplacementOrder,
    ReplacementStanding,
    StepReplacement,
)
from activities.replacements import ReplacementActivities
from activities.store.audit import audit
from activities.store.operations import StoredOperation
from activities.tokens import Identity
from domain.approval.round import ApprovalRound
from domain.approval.state import ActVerb, RoundAct, RoundState, Verdict
from domain.delegation import Delegation
from domain.refusal import Refusal
from domain.replacement import Replaced
from starter.replacement_desk import ReplacementDesk
from starter.round_refresher import RoundRefresher
from tests.workflows.house import (
    ADMIN,
    DAVID,
    FARID,
    LIAM,
    MEI,
    ROSA,
    TOKENS,
    House,
    approval_of,
    details,
    events,
    refusal_code,
    summaries,
    until,
)
from tests.workflows.pending import pending
from workflows.approver_replacement import ApproverReplacement
from workflows.names import replacement_id
from workflows.replacement_messages import ReplacementAnswer, ReplacementStart


async def replaced(house: House, old: str, new: str, **more: Any) -> StoredOperation:
    """The operation once it is over."""
    desk = ReplacementDesk(house.desk)
    return await desk.finished((await desk.replace(ADMIN, old, new, **more)).operation_id)


def run_of(house: House, operation: str) -> WorkflowHandle[Any, Any]:
    return house.client.get_workflow_handle(replacement_id(operation))


async def holders(house: House, states: Sequence[RoundState], rule: str) -> set[str]:
    """Who has the seats of that rule in all those rounds."""
    found = set()
    async with house.desk.reading() as work:
        for state in states:
            approval = (await work.rounds.get(state.quote_id, 1)).approval(rule)
            assert approval is not None
            found |= {seat.holder for seat in approval.seats}
    return found


async def body_of(house: House, kind: str, name: str) -> Any:
    async with house.desk.reading() as work:
        return (await work.directory.get(kind, name)).body


async def test_an_approver_is_replaced_in_what_waits_and_in_what_comes(house: House) -> None:
    first, settled = await house.submitted(), await house.submitted("10.00")
    await house.quotes.decide(MEI, approval_of(settled, "manager"), Verdict.APPROVE)
    over = await replaced(house, "manager", "farid", comment="Mei moves on")
    assert (over.state, over.total, over.done) == ("done", 1, 1)
    assert (await body_of(house, "approver", "manager")) == {"user": "farid"}
    now = (await house.round(first)).approval("manager")
    assert now is not None
    assert [(seat.holder, seat.asked) for seat in now.seats] == [("farid", ("farid",))]
    assert now.due_at is not None
    assert over.began_at is not None
    assert now.due_at >= over.began_at + timedelta(hours=24), "the clock of the new holder is fresh"
    before = (await house.round(settled)).approval("manager")
    assert before is not None
    assert before.votes[0].by == "mei"
    with pytest.raises(Refusal) as refused:
        await house.quotes.decide(MEI, approval_of(first, "manager"), Verdict.APPROVE)
    assert refused.value.code == "not_yours"
    later = await house.submitted()
    for state in (first, later):
        await house.quotes.decide(FARID, approval_of(state, "manager"), Verdict.APPROVE)


async def test_the_record_and_one_message_tell_of_it(house: House) -> None:
    state = await house.submitted()
    over = await replaced(house, "manager", "farid", comment="Mei moves on")
    entry = next(each for each in await house.record(state.quote_id) if each.kind == "replaced")
    assert entry.body == {"from": "mei", "to": "farid", "operation": over.operation_id, "comment": "Mei moves on"}
    assert (entry.by, entry.rule) == ("root", "manager")
    async with house.desk.reading() as work:
        told = [each.recipient for each in await work.outgoing.of_quote(state.quote_id) if each.kind == "replaced"]
        assert told == ["farid"]
    assert (await audit(house.database)).violations == ()


async def test_a_dry_run_lists_exactly_what_is_then_touched_and_writes_nothing(house: House) -> None:
    desk = ReplacementDesk(house.desk)
    mine = [await house.submitted() for _ in range(3)]
    voted = await house.submitted()
    await house.quotes.decide(LIAM, approval_of(voted, "terms"), Verdict.APPROVE)
    await house.people.delegate(ADMIN, _delegation("nora", "liam"))
    before = [await house.round(state) for state in (*mine, voted)]
    shown = await desk.preview(ADMIN, "liam", "farid", kind=Replaced.USER)
    assert [await house.round(state) for state in (*mine, voted)] == before
    async with house.desk.reading() as work:
        version = await work.directory.version()
    assert await desk.preview(ADMIN, "liam", "farid", kind=Replaced.USER) == shown
    async with house.desk.reading() as work:
        assert await work.directory.version() == version
    over = await replaced(house, "liam", "farid", kind=Replaced.USER)
    assert await desk.rounds(over.operation_id) == shown.rounds
    assert over.directory == list(shown.directory)
    assert {each["entry"] for each in over.directory} >= {"legal", "liam"}
    assert len(shown.rounds) == 3, "what liam has settled is not touched"


def _delegation(of: str, to: str) -> Delegation:
    return Delegation(of=of, to=to)


async def test_the_same_key_is_one_operation_and_another_order_under_it_is_refused(house: House) -> None:
    desk = ReplacementDesk(house.desk)
    await house.submitted()
    first, second = await asyncio.gather(*(desk.replace(ADMIN, "manager", "farid", key="once") for _ in range(2)))
    assert first.operation_id == second.operation_id
    await desk.finished(first.operation_id)
    again = await desk.replace(ADMIN, "manager", "farid", key="once")
    assert (again.operation_id, again.state) == (first.operation_id, "done")
    with pytest.raises(Refusal) as refused:
        await desk.replace(ADMIN, "manager", "sam", key="once")
    assert refused.value.code == "idempotency_key_reused"


@pytest.mark.parametrize(
    ("old", "new", "code"),
    [
        ("manager", "nobody-there", "unknown_user"),
        ("nothing", "farid", "unknown_approver"),
        ("manager", "mei", "same_person"),
        ("mei", "mei", "same_person"),
    ],
)
async def test_what_cannot_be_is_refused_before_anything_starts(house: House, old: str, new: str, code: str) -> None:
    with pytest.raises(Refusal) as refused:
        await ReplacementDesk(house.desk).replace(ADMIN, old, new, key="k")
    assert refused.value.code == code


def by_hand(who: Identity, **said: Any) -> ReplacementOrder:
    """An order as somebody sends it straight to the server; without a token."""
    return ReplacementOrder(**{"operation": "op", "old": "manager", "new": "farid", "by": who.user, **said})


async def test_a_run_that_somebody_starts_by_hand_must_prove_an_admin_and_every_word(house: House) -> None:
    proved = TOKENS.act(ADMIN, by_hand(ADMIN).said(), REPLACE, "op")
    later = house.clock.now() + timedelta(days=1)
    for order, token, code in (
        (by_hand(FARID), TOKENS.act(FARID, by_hand(FARID).said(), REPLACE, "op"), "admin_only"),
        (by_hand(ADMIN), TOKENS.act(ADMIN, by_hand(ADMIN, operation="other").said(), REPLACE, "op"), "invalid_token"),
        (by_hand(ADMIN, old="ceo"), proved, "invalid_token"),
        (by_hand(ADMIN, new="nora"), proved, "invalid_token"),
        (by_hand(ADMIN, kind=Replaced.APPROVER), proved, "invalid_token"),
        (by_hand(ADMIN, start=later), proved, "invalid_token"),
        (by_hand(ADMIN, comment="in other words"), proved, "invalid_token"),
        (by_hand(ADMIN), proved, "done"),
    ):
        handle = await house.client.start_workflow(
            ApproverReplacement.run,
            ReplacementStart(order=order.model_copy(update={"token": token})),
            id=f"replace/by-hand-{uuid.uuid4().hex}",
            task_queue=house.task_queue,
        )
        assert await refusal_code(handle.execute_update("begun", result_type=ReplacementAnswer)) == code


async def test_a_start_date_is_waited_for_and_everything_shows_it(house: House) -> None:
    desk = ReplacementDesk(house.desk)
    state = await house.submitted()
    start = house.clock.now() + timedelta(days=3)
    begun = await desk.replace(ADMIN, "manager", "farid", start=start)
    assert (begun.state, begun.starts_at, begun.total) == ("scheduled", start, 0)
    run = run_of(house, begun.operation_id)
    assert f"Begins {start:%Y-%m-%d %H:%M} UTC" in await details(run)
    assert "start of the replacement" in await until(lambda: summaries(run), lambda seen: len(seen) > 1)
    assert await holders(house, [state], "manager") == {"mei"}
    await house.forward(run, timedelta(days=2))
    assert (await desk.operation(begun.operation_id)).stored.state == "scheduled"
    await house.forward(run, timedelta(days=1, seconds=1))
    over = await desk.finished(begun.operation_id)
    assert (over.state, over.done) == ("done", 1)
    assert over.began_at is not None
    assert over.began_at >= start
    assert await holders(house, [state], "manager") == {"farid"}


async def test_it_can_be_called_off_before_it_begins_and_not_after(house: House) -> None:
    desk = ReplacementDesk(house.desk)
    state = await house.submitted()
    begun = await desk.replace(ADMIN, "manager", "farid", start=house.clock.now() + timedelta(days=3))
    with pytest.raises(Refusal) as refused:
        await desk.cancel(FARID, begun.operation_id)
    assert refused.value.code == "admin_only"
    assert (await desk.cancel(ADMIN, begun.operation_id)).state == "cancelled"
    assert (await desk.cancel(ADMIN, begun.operation_id)).state == "cancelled"
    assert (await desk.finished(begun.operation_id)).state == "cancelled"
    assert await holders(house, [state], "manager") == {"mei"}
    over = await replaced(house, "manager", "farid")
    with pytest.raises(Refusal) as refused:
        await desk.cancel(ADMIN, over.operation_id)
    assert refused.value.code == "wrong_state"


async def test_a_successor_who_has_left_by_then_is_told_in_the_operation(house: House) -> None:
    desk = ReplacementDesk(house.desk)
    state = await house.submitted()
    begun = await desk.replace(ADMIN, "manager", "farid", start=house.clock.now() + timedelta(days=3))
    await house.people.deactivate(ADMIN, "farid")
    await house.forward(run_of(house, begun.operation_id), timedelta(days=3, seconds=1))
    over = await desk.finished(begun.operation_id)
    assert over.state == "refused"
    assert over.refusal is not None
    assert over.refusal["problems"][0]["code"] == "unknown_user"
    assert await holders(house, [state], "manager") == {"mei"}


async def test_a_refused_start_leaves_no_old_directory_behind(house: House) -> None:
    desk = ReplacementDesk(house.desk)
    state = await house.submitted("10.00")
    begun = await desk.replace(ADMIN, "manager", "farid", start=house.clock.now() + timedelta(seconds=2))
    await house.people.deactivate(ADMIN, "farid")
    assert (await desk.finished(begun.operation_id)).state == "refused"
    await house.people.deactivate(ADMIN, "mei")
    manager = (await house.round(state)).approval("manager")
    assert manager is not None
    assert [seat.asked for seat in manager.seats] == [("ines",)], "mei has left"
    later = await house.submitted("10.00")
    assert [each.waiting_for for each in later.approvals] == [("ines",)]


async def test_a_thousand_pending_approvals_in_batches_with_progress(house: House) -> None:
    states = await pending(house, 1000)
    await pending(house, 50, "10.00")  # the manager alone: nothing of the director's
    over = await replaced(house, "director", "farid")
    assert (over.state, over.total, over.done) == ("done", 1000, 1000)
    assert await holders(house, states, "director") == {"farid"}
    assert await holders(house, states, "manager") == {"mei"}
    run = run_of(house, over.operation_id)
    batches = [text for text in await summaries(run) if text.startswith("rounds ")]
    told = [re.fullmatch(r"rounds (\d+) and on of 1000", text) for text in batches]
    begins = [int(each[1]) for each in told if each is not None]
    # A batch takes fifty, or as many as fit into its time on a busy machine.
    assert begins[0] == 1
    assert all(0 < after - before <= 50 for before, after in pairwise([*begins, 1001]))
    assert "looked at 1000 rounds" in await details(run)
    standing = await run.query("progress", result_type=ReplacementStanding)
    assert (standing.done, standing.total) == (1000, 1000)
    found = await ReplacementDesk(house.desk).operation(over.operation_id)
    assert found.rounds == {"replaced": 1000}
    assert found.approvals == {"replaced": 1000}


async def test_open_runs_hear_of_it_and_wait_for_the_new_deadline(house: House) -> None:
    state = await house.submitted()
    run = house.run_of(state)
    await replaced(house, "manager", "farid")
    await RoundRefresher(house.desk).drain()
    seen = await run.query("standing", result_type=RoundState)
    assert seen == await house.round(state)
    assert "farid" in await details(run)


@pytest.mark.parametrize("late", [False, True], ids=["decision first", "replacement first"])
async def test_a_decision_and_a_replacement_have_one_outcome(house: House, late: bool) -> None:
    state = await house.submitted()
    approval = approval_of(state, "manager")
    if late:
        over = await replaced(house, "manager", "farid")
        with pytest.raises(Refusal) as refused:
            await house.quotes.decide(MEI, approval, Verdict.APPROVE)
        assert refused.value.code == "not_yours"
    else:
        await house.quotes.decide(MEI, approval, Verdict.APPROVE)
        over = await replaced(house, "manager", "farid")
        assert over.total == 0, "settled approvals keep the old name"
    now = (await house.round(state)).approval("manager")
    assert now is not None
    assert now.seats[0].holder == ("farid" if late else "mei")


async def test_many_decisions_against_one_replacement(house: House) -> None:
    """Whichever comes first in each round: the other is told, and the record is in the order of what happened."""
    states = [await house.submitted("10.00") for _ in range(24)]

    async def decide(state: RoundState) -> str:
        try:
            await house.quotes.decide(MEI, approval_of(state, "manager"), Verdict.APPROVE)
        except Refusal as refusal:
            return refusal.code
        return "approved"

    outcomes, over = await asyncio.gather(
        asyncio.gather(*(decide(state) for state in states)), replaced(house, "manager", "farid")
    )
    assert over.state == "done"
    assert set(outcomes) <= {"approved", "not_yours"}
    for state, outcome in zip(states, outcomes, strict=True):
        now, kinds = await house.round(state), [each.kind for each in await house.record(state.quote_id)]
        approval = now.approval("manager")
        assert approval is not None
        if outcome == "approved":
            assert approval.votes[0].by == "mei"
            assert "replaced" not in kinds
        else:
            assert approval.waiting_for == ("farid",)
            assert "approved" not in kinds
    report = {each.quote_id: each.state for each in await ReplacementDesk(house.desk).rounds(over.operation_id)}
    assert {name for name, told in report.items() if told == "replaced"} == {
        state.quote_id for state, outcome in zip(states, outcomes, strict=True) if outcome == "not_yours"
    }


async def test_a_round_that_closes_meanwhile_is_passed_over_and_reported(quiet_house: House) -> None:
    house, desk = quiet_house, ReplacementDesk(quiet_house.desk)
    async with house.worker():
        states = [await house.submitted() for _ in range(2)]
        begun = await desk.replace(ADMIN, "manager", "farid", start=house.clock.now() + timedelta(days=1))
        await house.quotes.recall(ROSA, states[0].quote_id)
        await house.forward(run_of(house, begun.operation_id), timedelta(days=1, seconds=1))
        over = await desk.finished(begun.operation_id)
    assert over.total == 1, "what is over is not even listed"


async def test_a_run_that_has_not_heard_does_not_keep_the_next_step_from_deciding(house: House) -> None:
    steps = [("a", "x", 1, "mei"), ("b", "x", 2, "david"), ("c", "y", 1, "farid")]
    rules = [{"id": each, "chain": chain, "step": step, "approver": who} for each, chain, step, who in steps]
    await house.people.publish(
        ADMIN, {"policy": "standard", "fallback": "ceo", "chains": {"x": {}, "y": {}}, "rules": rules}
    )
    state = await house.submitted()
    await house.quotes.decide(FARID, approval_of(state, "c"), Verdict.APPROVE)
    await replaced(house, "mei", "farid")  # who has approved alone, and is not asked again: it is david's turn
    stale = await house.run_of(state).query("standing", result_type=RoundState)
    assert stale.approval("b").state == "assigned", "nobody has told the run"
    over = await house.quotes.decide(DAVID, approval_of(state, "b"), Verdict.APPROVE)
    assert over.outcome == "approved"


async def test_every_part_may_be_repeated(house: House) -> None:
    """The line breaks after a commit, again and again: nothing is done, recorded or told twice."""
    states = await pending(house, 30)
    house.worker_database.frail = True
    over = await replaced(house, "manager", "farid")
    house.worker_database.frail = False
    assert house.worker_database.lost >= 3
    assert (over.state, over.done) == ("done", 30)
    for state in states:
        kinds = await house.kinds(state.quote_id)
        assert kinds["replaced"] == 1
        async with house.desk.reading() as work:
            told = [each for each in await work.outgoing.of_quote(state.quote_id) if each.kind == "replaced"]
        assert len(told) == 1


async def test_a_round_on_its_way_to_the_replaced_is_waited_for(quiet_house: House) -> None:
    house, at = quiet_house, quiet_house.clock.now()
    activities = ReplacementActivities(house.database, TOKENS)
    async with house.worker():
        state = await house.submitted("10.00")
    order = by_hand(ADMIN, old="ines", operation=uuid.uuid4().hex)
    order = order.model_copy(update={"token": TOKENS.act(ADMIN, order.said(), REPLACE, order.operation)})
    step = StepReplacement(operation=order.operation, at=at)
    await activities.open_replacement(OpenReplacement(order=order, at=at))
    async with house.database.work() as work:
        # Somebody hands an approval to ines, and has read who is who before she is replaced.
        moving = ApprovalRound(
            await work.rounds.get(state.quote_id, 1, for_update=True), await house.desk.knowledge.directory(work)
        )
        begun = await activities.begin_replacement(step)
        assert begun.standing is not None
        assert (begun.standing.state, begun.standing.total) == ("running", 0)
        finishing = asyncio.create_task(activities.finish_replacement(step))
        await asyncio.wait([finishing], timeout=0.5)
        assert not finishing.done()
        act = RoundAct(verb=ActVerb.REASSIGN, act_id="a", approval="manager", by="mei", to="ines")
        moving.act(act, state.not_before(at), is_admin=False, may_override=False)
        await work.rounds.save(moving.state)
    moved = await finishing
    assert moved.standing is not None
    assert (moved.standing.state, moved.standing.total) == ("running", 1), "the round is not forgotten"


async def test_another_worker_goes_on_where_one_was_stopped(quiet_house: House) -> None:
    house, desk = quiet_house, ReplacementDesk(quiet_house.desk)
    async with house.worker():
        states = await pending(house, 300)
        begun = await desk.replace(ADMIN, "manager", "farid")

        async def done() -> int:
            return (await desk.operation(begun.operation_id)).stored.done

        await until(done)
    left = await desk.operation(begun.operation_id)
    assert left.stored.done > 0
    async with house.worker(cached=0):
        over = await desk.finished(begun.operation_id)
    assert (over.state, over.total, over.done) == ("done", 300, 300)
    assert await holders(house, states, "manager") == {"farid"}
    assert [(await house.kinds(state.quote_id))["replaced"] for state in states[::30]] == [1] * 10


async def test_two_replacements_of_one_person_end_with_one_of_them_everywhere(house: House) -> None:
    states = await pending(house, 60)
    await asyncio.gather(replaced(house, "manager", "farid"), replaced(house, "manager", "sam"))
    entry = (await body_of(house, "approver", "manager"))["user"]
    found = await holders(house, states, "manager")
    assert entry in ("farid", "sam")
    assert found <= {"farid", "sam"}


async def test_a_person_is_replaced_everywhere_by_one_call(house: House) -> None:
    states = [await house.submitted(), await house.submitted("20.00")]
    await house.people.delegate(ADMIN, _delegation("liam", "david"))
    over = await replaced(house, "david", "farid", kind=Replaced.USER)
    touched = {f"{each['section']}.{each['entry']}.{each['field']}" for each in over.directory}
    assert touched >= {"users.mei.manager", "users.sam.manager", "approvers.director.user", "approvers.david.user"}
    async with house.desk.reading() as work:
        directory = await house.desk.knowledge.directory(work)
    assert directory.users["mei"].manager == "farid"
    assert [(each.of, each.to) for each in directory.delegations] == [("liam", "farid")]
    assert await holders(house, states, "director") == {"farid"}
    terms = (await house.round(states[0])).approval("terms")
    assert terms is not None
    assert terms.waiting_for == ("farid", "nora"), "the delegate of a member is the successor now"


async def test_a_delegation_that_is_handed_on_keeps_its_place_before_later_ones(house: House) -> None:
    await house.people.delegate(ADMIN, _delegation("mei", "liam"))
    await house.people.delegate(ADMIN, _delegation("mei", "nora"))
    state = await house.submitted("10.00")
    await replaced(house, "liam", "farid", kind=Replaced.USER)
    async with house.desk.reading() as work:
        directory = await house.desk.knowledge.directory(work)
    assert [(each.of, each.to) for each in directory.delegations] == [("mei", "farid"), ("mei", "nora")]
    now = (await house.round(state)).approval("manager")
    assert now is not None
    assert now.waiting_for == ("nora",), "the one entered last counts"


async def test_a_long_replacement_goes_on_in_a_new_run(impatient_house: House) -> None:
    house = impatient_house
    states = await pending(house, 500)
    over = await replaced(house, "manager", "farid")
    assert (over.state, over.done) == ("done", 500)
    assert await holders(house, states[::50], "manager") == {"farid"}
    query = f"WorkflowId = '{replacement_id(over.operation_id)}'"

    async def chain() -> list[WorkflowExecutionStatus | None]:
        return [each.status async for each in house.client.list_workflows(query)]

    found = await until(chain, lambda seen: len(seen) > 1 and WorkflowExecutionStatus.COMPLETED in seen)
    assert found.count(WorkflowExecutionStatus.COMPLETED) == 1
    assert len(await events(run_of(house, over.operation_id))) < 80


async def test_nobody_is_stuck_where_nobody_can_take_over(house: House) -> None:
    """The successor is barred, and so is everybody above: the seat stays, the report says why."""
    entries = {"manager": {"user": "mei"}, "director": {"user": "david"}, "ceo": {"user": "sam"}}
    document = {**_alone(), "approvers": entries}
    await house.people.load_directory(ADMIN, document)
    state = await house.submitted("10.00")
    await house.people.deactivate(ADMIN, "sam")
    over = await replaced(house, "manager", "rosa")
    (found,) = await ReplacementDesk(house.desk).rounds(over.operation_id)
    assert (found.state, found.found[0]["outcome"], found.found[0]["code"]) == ("left", "left", "no_decider")
    await house.quotes.decide(MEI, approval_of(state, "manager"), Verdict.APPROVE)


def _alone() -> dict[str, Any]:
    users = {name: {"name": name.title()} for name in ("root", "rosa", "mei", "david", "sam", "liam", "nora")}
    return {"users": users, "groups": {"legal": {"members": ["liam", "nora"]}}}
