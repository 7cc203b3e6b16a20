"""Random people, policies and submissions, made to meet every way in which somebody comes to be asked."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

from domain.people import Directory, read_directory
from domain.policy.document import Policy, read_policy
from domain.policy.replay import Past
from tests.domain.sample_quote import line, priced

BEGIN = datetime(2027, 1, 4, 8, tzinfo=UTC)
USERS = [f"u{number}" for number in range(9)]
QUORUMS = ("any", "all", "2", "3", "60%")
SLAS: tuple[dict[str, str], ...] = (
    {"remind": "4h"},
    {"escalate": "2d"},
    {"remind": "1d", "escalate": "3w"},
    {"escalate": "80000h"},  # more working time than calendars are looked at for
)


def moment(random: Random) -> datetime:
    """Some hour of a fortnight."""
    return BEGIN + timedelta(hours=random.randrange(24 * 14))


def some(random: Random, chance: float, value: Any) -> Any:
    return value if random.random() < chance else None


def limit(random: Random) -> dict[str, Any]:
    return {"amount": random.choice([100, 250, 500, 1000, 4000]), "currency": random.choice(["USD", "USD", "EUR"])}


def given(**fields: Any) -> dict[str, Any]:
    return {name: value for name, value in fields.items() if value is not None}


def office(random: Random) -> Directory:
    users = {
        name: given(
            name=name,
            manager=some(random, 0.7, random.choice(USERS)),
            active=False if random.random() < 0.15 else None,
            authority=some(random, 0.4, limit(random)),
            calendar=some(random, 0.5, "chicago"),
        )
        for name in USERS
    }
    groups = {
        f"g{number}": {
            "members": random.sample(USERS, random.randrange(0, 5)),
            "quorum": random.choice(QUORUMS),
            "veto": random.sample([*USERS, "a0"], random.randrange(0, 2)),
        }
        for number in range(3)
    }
    approvers = {f"a{number}": _approver(random) for number in range(5)}
    calendars = {"chicago": {"time_zone": "America/Chicago", "hours": {"mon-fri": ["09:00-17:00"]}}}
    return read_directory(
        {
            "calendars": calendars,
            "users": users,
            "groups": groups,
            "approvers": approvers,
            "delegations": list(_delegations(random)),
        }
    )


def _approver(random: Random) -> dict[str, Any]:
    whom: dict[str, Any] = random.choice(
        [
            {"user": random.choice([*USERS, "gone"])},
            {"group": f"g{random.randrange(3)}"},
            {"field": "account_manager"},
            {"manager_of": "owner", "level": random.randrange(1, 3)},
        ]
    )
    more = given(authority=some(random, 0.3, limit(random)), sla=some(random, 0.2, random.choice(SLAS)))
    return {**whom, **more}


def _delegations(random: Random) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    for at, giver in enumerate(random.sample(USERS, random.randrange(0, 5))):
        # Only to somebody later in the list: a loop would be refused.
        after = USERS[USERS.index(giver) + 1 :]
        if not after:
            continue
        start = moment(random)
        found.append(
            given(
                id=f"d{at}",
                of=giver,
                to=random.choice(after),
                **{"from": some(random, 0.6, start.isoformat())},
                until=some(random, 0.6, (start + timedelta(hours=random.randrange(1, 200))).isoformat()),
                scope=some(random, 0.3, {"chains": [random.choice(["one", "two"])]}),
                largest=some(random, 0.3, limit(random)),
            )
        )
    return found


def paper(random: Random, directory: Directory, name: str = "standard") -> Policy:
    whom: list[Any] = [*USERS[:4], *directory.groups, *directory.approvers]
    whom += [{"field": "account_manager"}, {"manager_of": "owner"}, {"manager_of": "submitter"}, {"manager_of": "u3"}]
    conditions = [
        "net_total > 300",
        "net_total > 900",
        "most > 10",
        "region = US",
        "priority contains high",
        "hard = 0",
    ]
    rules = [
        given(
            id=f"r{number}",
            chain=random.choice(["one", "two", "three", None]),
            step=random.randrange(1, 4),
            approver=random.choice(whom),
            when=some(random, 0.8, {random.choice(["all", "any"]): random.sample(conditions, random.randrange(1, 3))}),
            smart=some(random, 0.5, True),
            sla=some(random, 0.2, random.choice(SLAS)),
            explicit=some(random, 0.2, True),
            **{"from": some(random, 0.1, "2027-01-08")},
            skip_when_status=some(random, 0.1, ["rejected"]),
        )
        for number in range(random.randrange(1, 9))
    ]
    for rule in rules:
        if "when" not in rule:
            rule.pop("smart", None)
    chains = {"one": {}, "two": some(random, 0.5, {"after": ["one"]}) or {}, "three": {"after": ["two"]}}
    return read_policy(
        given(
            policy=name,
            fallback=some(random, 0.7, random.choice([*USERS[:4], "g0", *directory.approvers])),
            self_approval=some(random, 0.4, "fail"),
            variables={
                "most": {"max": "lines.discount_percent"},
                "hard": {"count": "lines", "where": "family = Hardware"},
            },
            chains=chains,
            rules=rules,
        )
    )


def hands(random: Random) -> tuple[str, ...]:
    """Who edited a quote."""
    return tuple(random.sample(USERS, random.randrange(0, 4)))


def submission(random: Random) -> Past:
    """A first round of somebody's quote."""
    lines = [
        line(
            f"L{number}",
            list_price=str(random.choice([40, 99, 150, 600])),
            discount_percent=str(random.choice([0, 5, 12, 30])),
            family=random.choice(["Hardware", "Things"]),
        )
        for number in range(random.randrange(1, 4))
    ]
    quote = priced(
        *lines,
        owner=random.choice([*USERS, "u0", "u1"]),
        currency=random.choice(["USD", "USD", "EUR"]),
        rates=random.choice([None, {"EUR": "1.1"}, {"USD": "0.9"}]),
        fields=given(
            region=some(random, 0.7, random.choice(["US", "EU"])),
            priority=some(random, 0.7, random.choice(["1-HIGH", "low"])),
            account_manager=some(random, 0.7, random.choice([*USERS, "gone"])),
        ),
    )
    return Past(
        quote,
        random.choice([*USERS, quote.quote.owner, quote.quote.owner, "gone"]),
        moment(random),
        hands(random),
        status=random.choice(["draft", "draft", "rejected", "recalled"]),
    )
