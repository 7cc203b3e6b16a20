"""Previews by HTTP say what single change would turn each rule."""

from tests.starter.api.conftest import Api, quote_document


async def test_a_preview_explains_every_rule_unless_told_not_to(api: Api, quote: str) -> None:
    plan = await api.post(f"/quotes/{quote}/preview")
    assert plan["explain"]["discount-manager"]["counterfactual"] == "max_discount <= 5"
    assert list(plan["explain"]) == [
        "discount-manager", "discount-director", "big-deal-finance", "terms-legal", "imaging-without-installation",
        "service-capacity",
    ]  # fmt: skip
    short = await api.post(f"/quotes/{quote}/preview", params={"explain": "false"})
    assert short == {name: value for name, value in plan.items() if name != "explain"}


async def test_so_does_a_quote_that_is_not_stored(api: Api) -> None:
    document = quote_document(quote_id="Q-elsewhere", fields={"region": "EU-North"})
    plan = await api.post("/preview", body=document)
    change = plan["explain"]["discount-director"]["change"]
    assert change["statement"] == "max_discount <= 7"
    assert {each["path"]: each["after"] for each in change["edits"]} == {
        "lines.L1.discount_percent": "7", "lines.L3.discount_percent": "7",
    }  # fmt: skip
    assert "explain" not in await api.post("/preview", body=document, params={"explain": "false"})


async def test_an_option_that_is_neither_true_nor_false_is_refused(api: Api, quote: str) -> None:
    status, _ = await api.refused("POST", f"/quotes/{quote}/preview", params={"explain": "perhaps"})
    assert status == 422
