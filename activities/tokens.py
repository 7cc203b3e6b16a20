"""Signed tokens: who acts, said by a signature and never by a body (design: trust at the edge).

Two kinds, both JWTs signed with the installation's key by HS256. An *access token* opens the HTTP API for a while. An
*act* is bound to one decision or one change and is what crosses Temporal: histories can be read by operators, and an
act that is read there can do nothing but what it already did.
"""

from __future__ import annotations

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
        if now.timestamp() > expires + SECONDS_OF_GRACE:
            raise Refusal("invalid_token", "the token has expired; make a new one")
        return Identity(str(claims["sub"]), _roles(claims))

    def act(self, who: Identity, subject: str, verb: str, key: str, *, channel: str | None = None) -> str:
        """A token by which ``who`` does ``verb`` to ``subject`` once, under ``key``, by that ``channel`` or any."""
        claims: dict[str, object] = {"sub": who.user, "aud": ACT, "obj": subject, "act": verb, "jti": key}
        claims |= {"chan": channel} if channel is not None else {}
        return self._signed({**claims, "roles": sorted(who.roles)} if who.roles else claims)

    def check_act(
        self, token: str, user: str, subject: str, verb: str, key: str, now: datetime, *, channel: str | None = None
    ) -> Identity:
        """Who does this, by an act made for just it or by an access token of theirs. Code: ``invalid_token``."""
        claims = self._claims(token)
        if claims.get("aud") == ACT:
            wanted = {"sub": user, "obj": subject, "act": verb, "jti": key}
            if any(claims.get(name) != value for name, value in wanted.items()):
                raise _invalid()
            if claims.get("chan", channel) != channel:
                raise _invalid()
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


def _roles(claims: dict[str, object]) -> frozenset[str]:
    roles = claims.get("roles")
    return frozenset(str(role) for role in roles) if isinstance(roles, list) else frozenset()


def _invalid() -> Refusal:
    return Refusal("invalid_token", "the token is not valid for this; sign in, or make one with countersign token")
