"""Checking and publishing policies over the API: what is wrong is found against the stored directory, and refused."""

from typing import Any

from tests.starter.api.conftest import HOSPITAL, Api

YAML = {"Content-Type": "application/yaml"}
TEXT = (HOSPITAL / "policy.yaml").read_text(encoding="utf-8")
WRONG: dict[str, Any] = {
    "policy": "standard",
    "fallback": "ceo",
    "rules": [
        {"id": "never", "approver": "ceo", "when": ["net_total > 5", "net_total < 3"]},
        {"id": "ghost", "approver": "ghost"},
    ],
}


async def checked(api: Api, document: Any = None, text: str = "", **how: Any) -> Any:
    content = {"content": text.encode(), "headers": YAML} if text else {"json": document}
    answer = await api.call("POST", "/policies/check", "ada", "admin", **content, **how)
    assert answer.status_code == 200, answer.text
    return answer.json()


async def test_a_policy_is_checked_with_the_stored_directory_and_nothing_is_written(api: Api) -> None:
    versions = await api.get("/policies/standard/versions")
    told = await checked(api, text=TEXT)
    assert told["errors"] == 0
    assert told["warnings"] == len(told["findings"])
    assert {"no_decider_for_some"} <= {each["code"] for each in told["findings"]}
    told = await checked(api, WRONG)
    assert [(each["severity"], each["code"], each["path"]) for each in told["findings"]][:2] == [
        ("error", "contradiction", "rules.never.when"),
        ("error", "unknown_approver", "rules.ghost.approver"),
    ]
    assert await api.get("/policies/standard/versions") == versions


async def test_what_is_no_policy_is_found_too_but_no_document_is_refused(api: Api) -> None:
    told = await checked(api, text="policy: p\nrules: [{id: r}]\n")
    assert [(each["code"], each["path"], each["document"]) for each in told["findings"]] == [
        ("missing_field", "rules.r.approver", "policy")
    ]
    answer = await api.call("POST", "/policies/check", "ada", "admin", content=b"a: [", headers=YAML)
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_yaml")


async def test_only_an_admin_learns_what_the_directory_says_of_people(api: Api) -> None:
    answer = await api.call("POST", "/policies/check", "rosa", json=WRONG)
    assert (answer.status_code, answer.json()["code"]) == (403, "admin_only")


async def test_a_policy_with_errors_is_not_published_and_one_with_warnings_is(api: Api) -> None:
    async def published(document: Any) -> Any:
        return await api.call("POST", "/policies", "ada", "admin", json=document)

    answer = await published({**WRONG, "rules": WRONG["rules"][:1]})
    assert (answer.status_code, answer.json()["code"]) == (422, "contradiction")
    assert [each["path"] for each in answer.json()["errors"]] == ["rules.never.when"]
    answer = await published(WRONG)
    assert answer.json()["code"] == "unknown_approver"
    stuck = {"policy": "standard", "rules": [{"id": "r", "approver": {"field": "owner"}}], "self_approval": "fail"}
    answer = await published(stuck)
    assert (answer.status_code, answer.json()["code"]) == (422, "always_barred")
    assert (await published({**stuck, "fallback": "ceo", "self_approval": "next_manager"})).status_code == 201


async def test_a_policy_longer_than_anybody_writes_is_not_even_read(api: Api) -> None:
    for path in ("/policies", "/policies/check"):
        text = TEXT + "# " + "x" * 1_000_000
        answer = await api.call("POST", path, "ada", "admin", content=text.encode(), headers=YAML)
        assert (answer.status_code, answer.json()["code"]) == (422, "too_long")
