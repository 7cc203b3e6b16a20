"""What a door knows of a request: who acts, under which key, and the desks that carry it out."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Annotated

from fastapi import Depends, Request

from activities.tokens import Identity
from domain.refusal import Refusal
from starter.approval_desk import ApprovalDesk
from starter.contract_desk import ContractDesk
from starter.customer_desk import CustomerDesk
from starter.desk import Desk
from starter.directory_desk import DirectoryDesk
from starter.order_desk import OrderDesk
from starter.people_desk import PeopleDesk
from starter.quote_desk import QuoteDesk

KEY = re.compile(r"[\x21-\x7e]{1,200}", re.ASCII)
ETAG = re.compile(r'"([0-9]{1,9})"', re.ASCII)


@dataclass(frozen=True)
class Doors:
    """What every request of one API shares. ``largest_body`` is in bytes."""

    desk: Desk
    largest_body: int
    patience: timedelta

    @property
    def quotes(self) -> QuoteDesk:
        return QuoteDesk(self.desk)

    @property
    def approvals(self) -> ApprovalDesk:
        return ApprovalDesk(self.desk)

    @property
    def orders(self) -> OrderDesk:
        return OrderDesk(self.desk)

    @property
    def people(self) -> PeopleDesk:
        return PeopleDesk(self.desk)

    @property
    def directory(self) -> DirectoryDesk:
        return DirectoryDesk(self.desk)

    @property
    def contracts(self) -> ContractDesk:
        return ContractDesk(self.desk)

    @property
    def customers(self) -> CustomerDesk:
        return CustomerDesk(self.desk)


@dataclass(frozen=True)
class Call:
    """One request: who acts, and the key (with the person's name) under which it is made only once."""

    doors: Doors
    who: Identity
    key: str | None
    expected_version: int | None

    def require_admin(self) -> None:
        """Refuse (``admin_only``) whoever's token does not say admin."""
        if not self.who.is_admin:
            raise Refusal("admin_only", "only an admin may do this; make a token with --role admin")


def identify(request: Request, doors: Doors) -> Identity:
    """Who the bearer token speaks for. Code: ``invalid_token``."""
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not token.strip():
        raise Refusal("invalid_token", "send a bearer token (Authorization: Bearer …); countersign token makes one")
    # Tokens live in the time of the world, also where business time is a story's.
    who = doors.desk.tokens.identity(token.strip(), datetime.now(UTC))
    if not who.user:
        raise Refusal("invalid_token", "the token names nobody; make a new one")
    return who


def idempotency_key(request: Request) -> str | None:
    """The request's key, if it has one. Code: ``invalid_header``."""
    key = request.headers.get("idempotency-key")
    if key is not None and not KEY.fullmatch(key):
        raise Refusal("invalid_header", "1 to 200 visible ASCII characters, such as a UUID", "Idempotency-Key")
    return key


def expected_version(request: Request) -> int | None:
    """The version that the caller has seen: of ``If-Match``, or 0 (there must be none) of ``If-None-Match: *``.

    Code: ``invalid_header``. A weak or foreign tag matches nothing and reads as a version that never was.
    """
    if request.headers.get("if-none-match") == "*":
        return 0
    value = request.headers.get("if-match")
    if value is None:
        return None
    if value == "*" or "," in value:
        raise Refusal("invalid_header", "give the one ETag that you have seen", "If-Match")
    found = ETAG.fullmatch(value.strip())
    return int(found[1]) if found else -1


def _call(request: Request) -> Call:
    key = idempotency_key(request)
    who: Identity = request.state.who
    return Call(
        doors=request.app.state.doors,
        who=who,
        key=f"http/{who.user}/{key}" if key is not None else None,
        expected_version=expected_version(request),
    )


Calling = Annotated[Call, Depends(_call)]
