"""The verbs of a round over HTTP: ask, answer, add, reassign, withdraw, override, recompute, comment, many at once."""

import asyncio
import uuid
from typing import Any

import pytest

from domain.approval.state import ActVerb
from tests.starter.api.conftest import Api

pytestmark = pytest.mark.usefixtures("working")

MANAGER, DIRECTOR, FINANCE, LEGAL, SERVICE = (
    "discount-manager", "discount-director", "big-deal-finance", "terms-legal", "service-capacity",
)  # fmt: skip
VERBS = [verb.value for verb in ActVerb if verb is not ActVerb.ANSWER]
BODIES: dict[str, dict[str, Any]] = {
    "ask": {"comment": "why?"},
    "add": {"who": "grace"},
    "reassign": {"to": "grace"},
    "withdraw": {},
    "override": {"decision": "approve"},
    "recompute": {},
}


@pytest.fixture
async def pending(api: Api, quote: str) -> str:
    await api.post(f"/quotes/{quote}/submit")
    return quote


def at(quote: str, rule: str, verb: str) -> str:
    return f"/approvals/{quote}.1.{rule}/{verb}"


async def round_of(api: Api, quote: str) -> dict[str, Any]:
    """The approvals of the plan by rule, and the outcome."""
    found = await api.get(f"/quotes/{quote}/rounds/1")
    approvals = [each for lane in found["lanes"] for step in lane["steps"] for each in step["approvals"]]
    planned = {each["rule"]: each for each in approvals if ".added-" not in each["approval_id"]}
    return {**planned, "outcome": found["outcome"]}


async def record_of(api: Api, quote: str) -> list[dict[str, Any]]:
    entries = (await api.get(f"/quotes/{quote}/record", params={"limit": 200}))["entries"]
    return list(entries)


async def kinds(api: Api, quote: str) -> list[str]:
    return [each["kind"] for each in await record_of(api, quote)]


# -- each verb as it should be


async def test_a_question_is_answered_and_both_are_on_the_record(api: Api, pending: str) -> None:
    asked = await api.post(at(pending, MANAGER, "ask"), "mei", {"comment": "why so much?"})
    assert asked["approval"]["state"] == "requested"
    assert asked["approval"]["due"] is None, "the clock stands still"
    await api.post(
        f"/quotes/{pending}/answer", "rosa", {"comment": "a big one", "approval_id": f"{pending}.1.{MANAGER}"}
    )
    told = {each["kind"]: each for each in await record_of(api, pending)}
    assert (told["asked"]["by"], told["asked"]["body"]["comment"]) == ("mei", "why so much?")
    assert (told["answered"]["by"], told["answered"]["body"]["comment"]) == ("rosa", "a big one")
    assert (await round_of(api, pending))[MANAGER]["due"]


async def test_an_answer_needs_no_name_where_one_waits_and_one_where_several_do(api: Api, pending: str) -> None:
    assert await api.refused("POST", f"/quotes/{pending}/answer", json={"comment": "x"}) == (409, "wrong_state")
    await api.post(at(pending, MANAGER, "ask"), "mei", {"comment": "a"})
    assert await api.refused("POST", f"/quotes/{pending}/answer", "mei", json={"comment": "x"}) == (403, "not_yours")
    await api.post(at(pending, LEGAL, "ask"), "nora", {"comment": "b"})
    assert await api.refused("POST", f"/quotes/{pending}/answer", json={"comment": "x"}) == (409, "wrong_state")
    named = {"comment": "x", "approval_id": f"{pending}.1.{LEGAL}"}
    await api.post(f"/quotes/{pending}/answer", "rosa", named)
    await api.post(f"/quotes/{pending}/answer", "rosa", {"comment": "y"})
    unknown = {"comment": "x", "approval_id": "Q-none.1.x"}
    assert await api.refused("POST", f"/quotes/{pending}/answer", json=unknown) == (404, "unknown_approval")


async def test_an_ad_hoc_approver_is_asked_beside_before_and_after(api: Api, pending: str) -> None:
    for where, rule, by in (("beside", LEGAL, "nora"), ("before", MANAGER, "mei"), ("after", SERVICE, "sam")):
        body = {"who": "ines", "where": where, "comment": "have a look"}
        await api.post(at(pending, rule, "add"), by, body)
    inbox = {each["approval_id"] for each in (await api.get("/approvals", "ines"))["approvals"]}
    assert {name.split(".")[2] for name in inbox} == {LEGAL, MANAGER}
    assert (await round_of(api, pending))[MANAGER]["state"] == "assigned"
    added = next(name for name in inbox if f".{MANAGER}." in name)
    await api.post(f"/approvals/{added}/approve", "ines")
    assert (await round_of(api, pending))[MANAGER]["state"] == "requested"


async def test_a_reassigned_approval_is_somebody_elses_and_an_admin_may_reassign_too(api: Api, pending: str) -> None:
    await api.post(at(pending, MANAGER, "reassign"), "mei", {"to": "grace", "comment": "on holiday"})
    assert await api.refused("POST", at(pending, MANAGER, "approve"), "mei") == (403, "not_yours")
    answer = await api.call("POST", at(pending, MANAGER, "reassign"), "ines", "admin", json={"to": "farid"})
    assert answer.status_code == 200, answer.text
    handed = [each for each in await record_of(api, pending) if each["kind"] == "reassigned"]
    assert [(each["by"], each["on_behalf_of"], each["body"]["to"]) for each in handed] == [
        ("mei", None, "grace"),
        ("ines", "grace", "farid"),
    ]
    await api.post(at(pending, MANAGER, "approve"), "farid")


async def test_a_decision_is_withdrawn_until_something_was_built_on_it(api: Api, pending: str) -> None:
    await api.post(at(pending, LEGAL, "approve"), "nora")
    back = await api.post(at(pending, LEGAL, "withdraw"), "nora", {"comment": "too early"})
    assert back["approval"]["state"] == "requested"
    await api.post(at(pending, LEGAL, "approve"), "nora")
    await api.post(at(pending, MANAGER, "approve"), "mei")
    assert await api.refused("POST", at(pending, MANAGER, "withdraw"), "mei") == (409, "wrong_state")
    assert (await kinds(api, pending)).count("withdrawn") == 1


async def test_an_override_takes_its_own_permission_and_is_marked(api: Api, pending: str) -> None:
    path, yes = at(pending, MANAGER, "override"), {"decision": "approve", "comment": "the board said so"}
    for roles in ((), ("admin",)):
        assert await api.refused("POST", path, "ines", *roles, json=yes) == (403, "not_permitted")
    answer = await api.call("POST", path, "ines", "override", json=yes)
    assert (answer.status_code, answer.json()["approval"]["state"]) == (200, "approved")
    (entry,) = [each for each in await record_of(api, pending) if each["kind"] == "overridden"]
    assert (entry["by"], entry["channel"]) == ("ines", "override")
    no = {"decision": "reject"}
    path = at(pending, DIRECTOR, "override")
    assert await api.refused("POST", path, "ines", "override", json=no) == (422, "reason_missing")
    answer = await api.call("POST", path, "ines", "override", json={**no, "reason": "not this year"})
    assert answer.json()["outcome"] == "rejected"


async def test_deadlines_are_worked_out_again_for_admins(api: Api, pending: str) -> None:
    for path in (at(pending, MANAGER, "recompute"), f"/quotes/{pending}/recompute"):
        assert await api.refused("POST", path, "mei") == (403, "admin_only")
        answer = await api.call("POST", path, "mei", "admin", json={})
        assert answer.status_code == 200, answer.text


async def test_a_comment_is_on_the_record_and_changes_nothing(api: Api, pending: str) -> None:
    before = await round_of(api, pending)
    key = {"Idempotency-Key": "note"}
    for _ in range(2):
        answer = await api.call("POST", f"/quotes/{pending}/comments", "grace", json={"comment": "hm"}, headers=key)
        assert answer.status_code == 201
    assert await round_of(api, pending) == before
    assert (await kinds(api, pending)).count("commented") == 1
    path = f"/quotes/{pending}/comments"
    assert await api.refused("POST", path, "stranger", json={"comment": "hm"}) == (403, "unknown_user")
    assert await api.refused("POST", "/quotes/Q-none/comments", json={"comment": "hm"}) == (404, "unknown_quote")
    assert (await api.refused("POST", path, json={"comment": ""}))[0] == 422


# -- refusals


@pytest.mark.parametrize(
    ("verb", "who", "rule", "body", "refused"),
    [
        ("ask", "rosa", MANAGER, None, (403, "four_eyes")),
        ("ask", "farid", MANAGER, None, (403, "not_yours")),
        ("ask", "david", DIRECTOR, None, (409, "not_your_turn")),
        ("add", "rosa", MANAGER, None, (403, "four_eyes")),
        ("add", "farid", MANAGER, None, (403, "not_yours")),
        ("add", "david", DIRECTOR, None, (409, "not_your_turn")),
        ("add", "mei", MANAGER, {"who": "rosa"}, (403, "four_eyes")),
        ("add", "mei", MANAGER, {"who": "nobody"}, (422, "unknown_approver")),
        ("add", "mei", MANAGER, {"who": "mei"}, (409, "wrong_state")),
        ("add", "mei", MANAGER, {"who": "grace", "where": "above"}, (422, "invalid_choice")),
        ("add", "mei", MANAGER, {}, (422, "missing_field")),
        ("reassign", "rosa", MANAGER, None, (403, "four_eyes")),
        ("reassign", "farid", MANAGER, None, (403, "not_yours")),
        ("reassign", "david", DIRECTOR, None, (409, "not_your_turn")),
        ("reassign", "mei", MANAGER, {"to": "rosa"}, (403, "four_eyes")),
        ("reassign", "mei", MANAGER, {"to": "nobody"}, (404, "unknown_user")),
        ("reassign", "mei", MANAGER, {"to": "mei"}, (409, "wrong_state")),
        ("reassign", "mei", MANAGER, {}, (422, "missing_field")),
        ("withdraw", "mei", MANAGER, None, (403, "not_yours")),
        ("withdraw", "rosa", MANAGER, None, (403, "four_eyes")),
        ("override", "mei", MANAGER, None, (403, "not_permitted")),
        ("override", "rosa", MANAGER, None, (403, "four_eyes")),
        ("override", "mei", MANAGER, {"decision": "maybe"}, (422, "invalid_choice")),
        ("override", "mei", MANAGER, {}, (422, "missing_field")),
        ("recompute", "mei", MANAGER, None, (403, "admin_only")),
    ],
)  # fmt: skip
async def test_what_is_refused_says_why_and_changes_nothing(
    api: Api, pending: str, verb: str, who: str, rule: str, body: Any, refused: tuple[int, str]
) -> None:
    before = await round_of(api, pending)
    given = BODIES[verb] if body is None else body
    assert await api.refused("POST", at(pending, rule, verb), who, json=given) == refused
    assert await round_of(api, pending) == before


@pytest.mark.parametrize("verb", VERBS)
async def test_every_verb_knows_its_approval_its_round_and_its_fields(api: Api, pending: str, verb: str) -> None:
    roles, body = ("admin", "override"), BODIES[verb]
    path = f"/approvals/Q-none.1.{MANAGER}/{verb}"
    assert await api.refused("POST", path, "mei", *roles, json=body) == (404, "unknown_approval")
    path = at(pending, MANAGER, verb)
    # Who acts is said by the token alone; a body that says so is not understood.
    for field in ("by", "user", "act_id", "colour"):
        answer = await api.call("POST", path, "farid", *roles, json={**body, field: "mei"})
        assert (answer.status_code, answer.json()["code"]) == (422, "unknown_field")
        assert answer.json()["errors"][0]["path"].endswith(field)
    nobody = await api.http.post(path, json=body)
    assert (nobody.status_code, nobody.json()["code"]) == (401, "invalid_token")
    await api.post(at(pending, MANAGER, "reject"), "mei", {"reason": "no"})
    assert await api.refused("POST", path, "mei", *roles, json=body) == (409, "round_closed")


async def test_what_is_decided_is_neither_asked_handed_on_nor_overridden(api: Api, pending: str) -> None:
    await api.post(at(pending, MANAGER, "approve"), "mei")
    for verb in ("ask", "add", "reassign", "override"):
        refused = await api.refused("POST", at(pending, MANAGER, verb), "mei", "override", json=BODIES[verb])
        assert refused == (409, "already_decided"), verb


# -- repeats


@pytest.mark.parametrize("verb", ["ask", "add", "reassign", "override", "recompute"])
async def test_a_verb_under_its_key_is_done_once_and_answered_alike(api: Api, pending: str, verb: str) -> None:
    how: dict[str, Any] = {"headers": {"Idempotency-Key": uuid.uuid4().hex}, "json": BODIES[verb]}
    path, roles = at(pending, MANAGER, verb), ("admin", "override")
    first = await api.call("POST", path, "mei", *roles, **how)
    again = await api.call("POST", path, "mei", *roles, **how)
    assert (first.status_code, again.status_code, again.text) == (200, 200, first.text)
    assert again.headers["idempotency-replayed"] == "true"
    another = {**how, "json": {**BODIES[verb], "comment": "another"}}
    assert await api.refused("POST", path, "mei", *roles, **another) == (422, "idempotency_key_reused")
    made = {"ask": "asked", "add": "added", "reassign": "reassigned", "override": "overridden"}
    assert (await kinds(api, pending)).count(made.get(verb, "none")) == (1 if verb in made else 0)


async def test_the_same_verb_twice_at_once_under_one_key_is_one(api: Api, pending: str) -> None:
    how: dict[str, Any] = {"headers": {"Idempotency-Key": "twice"}, "json": {"comment": "why?"}}
    answers = await asyncio.gather(*(api.call("POST", at(pending, MANAGER, "ask"), "mei", **how) for _ in range(4)))
    assert {answer.json().get("code") for answer in answers} <= {None, "in_progress"}
    assert (await kinds(api, pending)).count("asked") == 1


async def test_a_refused_verb_may_be_made_again_under_its_key_once_it_is_right(api: Api, pending: str) -> None:
    how: dict[str, Any] = {"headers": {"Idempotency-Key": "later"}, "json": {"comment": "why?"}}
    path = at(pending, DIRECTOR, "ask")
    assert await api.refused("POST", path, "david", **how) == (409, "not_your_turn")
    await api.post(at(pending, MANAGER, "approve"), "mei")
    answer = await api.call("POST", path, "david", **how)
    assert answer.status_code == 200, answer.text


async def test_many_decisions_with_one_bad_one_get_an_answer_each_and_a_key_makes_them_once(
    api: Api, pending: str
) -> None:
    decisions = [
        {"approval_id": f"{pending}.1.{LEGAL}", "verdict": "approve"},
        {"approval_id": f"{pending}.1.{MANAGER}", "verdict": "approve"},
        {"approval_id": f"{pending}.1.{SERVICE}", "verdict": "approve"},
        {"approval_id": f"{pending}.1.{LEGAL}", "verdict": "approve"},
        {"approval_id": f"{pending}.1.{FINANCE}", "verdict": "approve"},
    ]
    how: dict[str, Any] = {"headers": {"Idempotency-Key": "many"}, "json": {"decisions": decisions}}
    answers = [(await api.call("POST", "/approvals/decide", "nora", **how)).json()["answers"] for _ in range(2)]
    told = [(each["status"], each.get("problem", {}).get("code")) for each in answers[0]]
    # The fourth is the first one again under the key of the whole: the same decision, answered again.
    assert told == [(200, None), (403, "not_yours"), (200, None), (200, None), (403, "not_yours")]
    assert answers[1] == answers[0]
    assert (await kinds(api, pending)).count("approved") == 2


# -- the description


async def test_the_description_lists_every_verb_with_its_fields(api: Api) -> None:
    described = (await api.http.get("http://test/openapi.json")).json()
    paths, schemas = described["paths"], described["components"]["schemas"]
    fields = {
        "ask": {"comment", "for"}, "add": {"comment", "for", "who", "where"}, "withdraw": {"comment", "reason"},
        "reassign": {"comment", "for", "to", "reason"}, "override": {"comment", "decision", "reason"},
        "recompute": {"comment"},
    }  # fmt: skip
    for verb, wanted in fields.items():
        operation = paths[f"/api/v1/approvals/{{approval_id}}/{verb}"]["post"]
        schema = operation["requestBody"]["content"]["application/json"]["schema"]
        named = schema.get("$ref") or next(each["$ref"] for each in schema["anyOf"] if "$ref" in each)
        model = schemas[named.rpartition("/")[2]]
        assert (set(model["properties"]), model["additionalProperties"]) == (wanted, False), verb
        assert operation["security"]
    for path in ("answer", "recompute", "comments"):
        assert "post" in paths[f"/api/v1/quotes/{{quote_id}}/{path}"]
