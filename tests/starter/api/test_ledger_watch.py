"""What time alone brings, with several at work on one database: later periods and renewals, each exactly once."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from structlog.testing import capture_logs

from activities.store.customers import hold_ledger
from activities.store.ledger import LedgerStore
from activities.store.record import Record
from activities.tokens import Identity
from domain.ledger.entries import EntryKind
from domain.refusal import Refusal
from domain.yaml_text import read_yaml
from starter.clock import StoryClock
from starter.contract_desk import ContractDesk
from starter.desk import Desk
from starter.ledger_watch import LedgerWatch
from starter.people_desk import PeopleDesk
from starter.settings import Settings
from tests.starter.api.conftest import ADMIN, HOSPITAL, Api
from tests.starter.api.running import contract_document, ordered, running

pytestmark = pytest.mark.usefixtures("working")
LEAD = timedelta(days=90)
DUE = datetime(2027, 10, 2, 9, tzinfo=UTC)
"""Ninety days before the last day of what runs."""


async def periods(desk: Desk) -> list[tuple[str, str]]:
    """The rows of later periods, by start and amount."""
    async with desk.reading() as work:
        rows = await work.ledger.entries(customer="C-RUN")
    return [(str(row.start), str(row.amount)) for row in rows if row.kind is EntryKind.PERIOD]


MONTHS = [(f"2027-0{month}-01", "31.00") for month in (2, 3, 4, 5)]


async def test_watches_that_look_at_once_book_each_period_once(api: Api, clock: StoryClock) -> None:
    await running(api, clock)
    clock.move_to(datetime(2027, 5, 10, 9, tzinfo=UTC))
    booked = await asyncio.gather(*(LedgerWatch(api.desk).book_periods() for _ in range(6)))
    assert sorted(booked) == [0, 0, 0, 0, 0, 4]
    assert await periods(api.desk) == MONTHS


async def test_who_books_waits_for_whoever_is_at_it_and_then_counts_their_rows(api: Api, clock: StoryClock) -> None:
    await running(api, clock)
    clock.move_to(datetime(2027, 5, 10, 9, tzinfo=UTC))
    async with api.desk.database.work() as work:
        await hold_ledger(work.connection, "C-RUN")
        other = asyncio.create_task(LedgerWatch(api.desk).book_periods())
        done, _ = await asyncio.wait([other], timeout=0.5)
        assert not done
        assert await periods(api.desk) == []
    assert await other == 4


async def test_who_dies_before_the_commit_leaves_nothing_and_the_next_look_books_all(
    api: Api, clock: StoryClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    await running(api, clock)
    clock.move_to(datetime(2027, 5, 10, 9, tzinfo=UTC))
    append = LedgerStore.append

    async def dying(self: LedgerStore, entries: Any) -> None:
        await append(self, entries)
        raise ConnectionError("the process is gone")

    with monkeypatch.context() as broken, capture_logs() as logs:
        broken.setattr(LedgerStore, "append", dying)
        assert await LedgerWatch(api.desk).book_periods() == 0
    assert [(each["event"], each["customer_id"], each["code"]) for each in logs] == [
        ("periods_not_booked", "C-RUN", "ConnectionError")
    ]
    assert await periods(api.desk) == []
    assert await LedgerWatch(api.desk).book_periods() == 4
    assert await periods(api.desk) == MONTHS


async def quotes(api: Api, customer: str = "C-RUN") -> list[tuple[str, str | None, str]]:
    """The quotes of a customer as their page has them: id, what it renews, state."""
    page = await api.get(f"/customers/{customer}")
    return sorted((each["quote_id"], each["renews"], each["state"]) for each in page["quotes"])


async def test_a_renewal_is_prepared_once_at_its_lead_time_though_something_else_runs_on(
    api: Api, clock: StoryClock
) -> None:
    quote = await running(api, clock)
    lead = Settings(renewal_lead="P90D").renewal_lead
    watches = [LedgerWatch(api.desk, lead=lead) for _ in range(4)]
    clock.move_to(DUE - timedelta(days=1))
    assert [await watch.prepare_renewals() for watch in watches] == [0, 0, 0, 0]
    clock.move_to(DUE)
    await asyncio.gather(*(watch.prepare_renewals() for watch in watches))
    assert await watches[0].prepare_renewals() == 0
    assert await quotes(api) == [(quote, None, "approved"), (f"{quote}-R1", quote, "draft")]

    made = await api.get(f"/quotes/{quote}-R1")
    assert (made["owner"], made["net_total"]["amount"]) == ("rosa", "1200.00")
    assert [(line["line_id"], line["start_date"]) for line in made["content"]["lines"]] == [("S", "2028-01-01")]


async def test_the_record_and_the_customer_page_say_where_a_renewal_came_from(api: Api, clock: StoryClock) -> None:
    quote = await running(api, clock)
    clock.move_to(DUE)
    await LedgerWatch(api.desk, lead=LEAD).look()
    facts = {"renews": quote, "contract": quote, "ends": "2027-12-31"}
    (created,) = (await api.get(f"/quotes/{quote}-R1/record"))["entries"]
    page = await api.get("/customers/C-RUN")
    (shown,) = [each for each in page["changes"] if each["quote_id"] == f"{quote}-R1"]
    for told in (created, shown):
        assert (told["kind"], told["by"], told["on_behalf_of"]) == ("created", "clock", "rosa")
        assert told["body"] == {"version": 1, **facts}
    # From here it is a quote like any other of its owner.
    assert (await api.post(f"/quotes/{quote}-R1/submit"))["outcome"] == "approved"


async def test_a_renewal_that_somebody_prepared_is_the_one_for_its_end(api: Api, clock: StoryClock) -> None:
    quote = await running(api, clock)
    await api.post(f"/contracts/{quote}/renew", "mei", body={"price": "uplift", "uplift_percent": "5"})
    clock.move_to(DUE)
    assert await LedgerWatch(api.desk, lead=LEAD).prepare_renewals() == 0
    # Somebody was faster between the question and the answer: the claim decides.
    with pytest.raises(Refusal) as refusal:
        await ContractDesk(api.desk).renew(Identity("rosa"), quote, {}, key="due", prepared_by="clock")
    assert refusal.value.code == "already_prepared"
    assert [name for name, _, _ in await quotes(api)] == [quote, f"{quote}-R1"]
    # People may prepare another one.
    assert (await api.post(f"/contracts/{quote}/renew"))["quote_id"] == f"{quote}-R2"


async def test_who_dies_while_preparing_leaves_nothing_and_the_next_look_prepares_it(
    api: Api, clock: StoryClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    quote = await running(api, clock)
    clock.move_to(DUE)

    async def dying(self: Record) -> None:
        raise ConnectionError("the process is gone")

    with monkeypatch.context() as broken:
        broken.setattr(Record, "write", dying)
        assert await LedgerWatch(api.desk, lead=LEAD).prepare_renewals() == 0
    assert [name for name, _, _ in await quotes(api)] == [quote]
    assert await LedgerWatch(api.desk, lead=LEAD).prepare_renewals() == 1
    assert [name for name, _, _ in await quotes(api)] == [quote, f"{quote}-R1"]


async def test_a_customer_who_cannot_be_renewed_is_seen_and_does_not_stop_the_others(
    api: Api, clock: StoryClock
) -> None:
    quote = await running(api, clock)
    customer = {"customer_id": "C-TWO", "name": "Two", "time_zone": "UTC"}
    other = f"{quote}-two"
    document = contract_document(other, customer=customer, owner="mei")
    assert (await api.call("PUT", f"/quotes/{other}", "mei", json=document)).status_code == 201
    await ordered(api, other)
    clock.move_to(DUE)
    await retired(api.desk, "rosa", active=False)
    watch = LedgerWatch(api.desk, lead=LEAD)
    for made in (1, 0):
        with capture_logs() as logs:
            assert await watch.prepare_renewals() == made
        told = [each for each in logs if each["event"] == "renewal_not_prepared"]
        assert [(each["customer_id"], each["contract"], each["code"]) for each in told] == [
            ("C-RUN", quote, "unknown_user")
        ]
    assert [name for name, _, _ in await quotes_by(api, "mei", "C-TWO")] == [other, f"{other}-R1"]
    page = await api.get("/customers/C-RUN", "mei")
    (seen,) = [each for each in page["changes"] if each["kind"] == "renewal_not_prepared"]
    assert (seen["by"], seen["quote_id"], seen["body"]["code"]) == ("clock", quote, "unknown_user")

    await retired(api.desk, "rosa", active=True)
    assert await watch.prepare_renewals() == 1


async def quotes_by(api: Api, who: str, customer: str) -> list[tuple[str, str | None, str]]:
    page = await api.get(f"/customers/{customer}", who)
    return sorted((each["quote_id"], each["renews"], each["state"]) for each in page["quotes"])


async def retired(desk: Desk, user: str, *, active: bool) -> None:
    directory: Any = read_yaml((HOSPITAL / "directory.yaml").read_text()).value
    users = {**directory["users"], user: {**directory["users"][user], "active": active}}
    await PeopleDesk(desk).load_directory(ADMIN, {**directory, "users": users})
