"""Policies and the directory over HTTP, health, figures, and the description of the API."""

import json
from decimal import Decimal

import httpx2
import pytest

from activities.store.work import Database
from starter.api.app import create_api
from starter.desk import Desk
from tests.starter.api.conftest import HOSPITAL, Api

POLICY = (HOSPITAL / "policy.yaml").read_text()
YAML = {"Content-Type": "application/yaml"}


async def test_a_policy_is_published_from_yaml_and_from_json(api: Api) -> None:
    answer = await api.call("POST", "/policies", "ada", "admin", content=POLICY, headers=YAML)
    assert (answer.status_code, answer.json()) == (201, {"policy": "standard", "version": 2})
    kept = await api.get(answer.headers["location"].removeprefix("/api/v1"))
    assert (kept["text"], kept["by"], kept["document"]["version"]) == (POLICY, "ada", 2)

    rule = {"id": "r", "approver": "ceo", "step": 1, "when": {"all": ["max > 2.5"]}, "smart": True}
    document = {"policy": "small", "fallback": "ceo", "variables": {"max": {"max": "lines.discount_percent"}}}
    text = json.dumps({**document, "rules": [{**rule, "tolerance": {"max": 0.1}}]})
    headers = {"Content-Type": "application/json", "Idempotency-Key": "p"}
    for _ in range(2):
        answer = await api.call("POST", "/policies", "ada", "admin", content=text, headers=headers)
        assert answer.json() == {"policy": "small", "version": 1}
    assert (await api.get("/policies/small/versions/1"))["document"]["rules"][0]["tolerance"] == {"max": "0.1"}


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("policy: [", "invalid_yaml"),
        ("[]", "wrong_type"),
        (POLICY.replace("approver: finance", "approver: nobody"), "unknown_approver"),
        (POLICY.replace("fallback: ceo", "fallback: ceo\ncolour: red"), "unknown_field"),
    ],
)
async def test_a_policy_that_cannot_work_is_not_published(api: Api, text: str, code: str) -> None:
    refused = await api.refused("POST", "/policies", "ada", "admin", content=text, headers=YAML)
    assert refused == (422, code)
    assert await api.refused("GET", "/policies/standard/versions/2") == (404, "unknown_policy")


async def test_the_directory_is_replaced_as_a_whole(api: Api) -> None:
    text = (HOSPITAL / "directory.yaml").read_text()
    answer = await api.call("PUT", "/directory", "ada", "admin", content=text, headers=YAML)
    assert answer.status_code == 200
    wrong = text.replace("calendar: tokyo", "calendar: atlantis")
    refused = await api.refused("PUT", "/directory", "ada", "admin", content=wrong, headers=YAML)
    assert refused == (422, "unknown_calendar")


async def test_health_needs_no_token_and_says_what_does_not_answer(
    api: Api, desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    for path in ("/healthz", "/readyz"):
        assert (await api.http.get(f"http://test{path}")).status_code == 200
    elsewhere = Database("postgresql://nobody@127.0.0.1:1/nothing")
    broken = Desk(desk.client, elsewhere, desk.tokens)
    transport = httpx2.ASGITransport(app=create_api(broken), raise_app_exceptions=False)
    async with httpx2.AsyncClient(transport=transport, base_url="http://test") as http:
        assert (await http.get("/healthz")).status_code == 200
        answer = await http.get("/readyz")
        assert (answer.status_code, answer.json()["detail"]) == (503, "database did not answer")
        token = {"Authorization": f"Bearer {api.token('rosa')}"}
        answer = await http.get("/api/v1/approvals", headers=token)
        assert (answer.status_code, answer.json()["code"]) == (503, "unavailable")


async def test_requests_are_counted_by_route_and_never_by_id(api: Api, quote: str) -> None:
    await api.get(f"/quotes/{quote}")
    await api.call("GET", "/made/up/by/a/stranger")
    figures = (await api.http.get("http://test/metrics")).text
    told = 'countersign_http_requests_total{method="GET",path="/quotes/{quote_id}",status="200"} 1.0'
    assert told in figures
    assert quote not in figures
    assert "stranger" not in figures
    assert Decimal(figures.split('status="404"} ')[1].split("\n")[0]) == 1


async def test_the_api_describes_itself(api: Api) -> None:
    described = (await api.http.get("http://test/openapi.json")).json()
    wanted = {
        "/quotes/{quote_id}/submit": {"post"},
        "/approvals/decide": {"post"},
        "/orders/{order_id}": {"get", "patch"},
        "/customers/{customer_id}/revenue": {"get"},
        "/policies": {"post"},
        "/orders/{order_id}/merge": {"post"},
        "/contracts/{contract_id}/amend": {"post"},
        "/customers/{customer_id}": {"get"},
    }
    for path, methods in wanted.items():
        assert methods <= set(described["paths"][f"/api/v1{path}"])
    assert "QuoteLine" in described["components"]["schemas"]
    page = await api.http.get("http://test/docs")
    assert "/api/v1/quotes/{quote_id}/submit" in page.text
    assert "http" not in page.text.replace("/healthz", "")
