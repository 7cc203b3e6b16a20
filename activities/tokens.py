"""Signed tokens: who acts, said by a signature and never by a body (design: trust at the edge).

Two kinds, both JWTs signed with the installation's key by HS256. An *access token* opens the HTTP API for a while. An
*act* is bound to one decision or one change and is what crosses Temporal, because histories can be read by operators.
It says who does what to which subject under which key; by which door, in which words and until when, where whoever made
it said so (a desk always does). An act that was carried out does nothing more. One that was refused may still be sent
again until it ends, by whoever reads it, in the same words only. Acts of earlier releases have no end.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import OctKey

from domain.refusal import Refusal

ALGORITHM = "HS256"
ACCESS = "countersign"
ACT = "countersign-act"
SECONDS_OF_GRACE = 30
Words = Sequence[str | None]
"""What is said with an act, each text in its place: comment, reason, whose seat."""


@dataclass(frozen=True, slots=True)
class Identity:
    """Who somebody is: a user id, and roles.

    ``admin``; ``override`` (may decide in others' place); ``service`` (a program such as the ERP, and no user).
    """

    user: str
    roles: frozenset[str] = frozenset()

    @property
    def is_admin(self) -> bool:
        return "admin" in self.roles

    @property
    def may_override(self) -> bool:
        return "override" in self.roles

    @property
    def is_service(self) -> bool:
        return "service" in self.roles


@dataclass(frozen=True, slots=True)
class Bounds:
    """What an act is bound to beside who, what and which key: its end, the door, and what is said with it.

    ``words`` left out: any, as whoever sends it says them.
    """

    until: datetime | None = None
    channel: str | None = None
    words: Words | None = None

    def claims(self) -> dict[str, object]:
        said: dict[str, object] = {}
        said |= {"exp": int(self.until.timestamp())} if self.until is not None else {}
        said |= {"chan": self.channel} if self.channel is not None else {}
        return said | ({"dig": _digest(self.words)} if self.words is not None else {})


class Tokens:
    """Makes and checks tokens with one key. ``now`` is given: nothing here reads a clock."""

    def __init__(self, key: bytes) -> None:
        self._key = OctKey.import_key(key)

    def access(self, user: str, now: datetime, lifetime: timedelta, roles: frozenset[str] = frozenset()) -> str:
        """An access token for ``user`` that is good for ``lifetime`` from ``now``."""
        issued = int(now.timestamp())
        claims = {"sub": user, "aud": ACCESS, "iat": issued, "exp": issued + int(lifetime.total_seconds())}
        return self._signed({**claims, "roles": sorted(roles)} if roles else claims)

    def identity(self, token: str, now: datetime) -> Identity:
        """Who an access token speaks for. Code: ``invalid_token``."""
        claims = self._claims(token)
        expires = claims.get("exp")
        if claims.get("aud") != ACCESS or not isinstance(claims.get("sub"), str) or not isinstance(expires, int):
            raise _invalid()
        _refuse_over(expires, now)
        return Identity(str(claims["sub"]), _roles(claims))

    def act(self, who: Identity, subject: str, verb: str, key: str, bounds: Bounds | None = None) -> str:
        """A token by which ``who`` does ``verb`` to ``subject`` once, under ``key``, within ``bounds`` or without."""
        claims: dict[str, object] = {"sub": who.user, "aud": ACT, "obj": subject, "act": verb, "jti": key}
        claims |= bounds.claims() if bounds is not None else {}
        return self._signed({**claims, "roles": sorted(who.roles)} if who.roles else claims)

    def check_act(
        self,
        token: str,
        user: str,
        subject: str,
        verb: str,
        key: str,
        now: datetime,
        *,
        channel: str | None = None,
        words: Words = (),
    ) -> Identity:
        """Who does this, by an act made for just it or by an access token of theirs. Code: ``invalid_token``.

        ``channel`` and ``words`` are those of what is done: an act that is bound must be bound to them.
        """
        claims = self._claims(token)
        if claims.get("aud") == ACT:
            wanted = {"sub": user, "obj": subject, "act": verb, "jti": key}
            if any(claims.get(name) != value for name, value in wanted.items()):
                raise _invalid()
            if claims.get("chan", channel) != channel or claims.get("dig", said := _digest(words)) != said:
                raise _invalid()
            _refuse_over(claims.get("exp"), now)
            return Identity(user, _roles(claims))
        identity = self.identity(token, now)
        if identity.user != user:
            raise _invalid()
        return identity

    def _signed(self, claims: dict[str, object]) -> str:
        return jwt.encode({"alg": ALGORITHM}, claims, self._key)

    def _claims(self, token: str) -> dict[str, object]:
        try:
            return dict(jwt.decode(token, self._key, algorithms=[ALGORITHM]).claims)
        except (JoseError, ValueError):
            raise _invalid() from None


def _digest(words: Words) -> str:
    """What binds an act to ``words``; texts that are left out at the end are the same as none."""
    said = list(words)
    while said and said[-1] is None:
        said.pop()
    return hashlib.sha256(json.dumps(said).encode()).hexdigest()


def _refuse_over(expires: object, now: datetime) -> None:
    if expires is not None and not (isinstance(expires, int) and now.timestamp() <= expires + SECONDS_OF_GRACE):
        raise Refusal("invalid_token", "the token has expired; make a new one")


def _roles(claims: dict[str, object]) -> frozenset[str]:
    roles = claims.get("roles")
    return frozenset(str(role) for role in roles) if isinstance(roles, list) else frozenset()


def _invalid() -> Refusal:
    return Refusal("invalid_token", "the token is not valid for this; sign in, or make one with countersign token")
