"""The line to the API: finds it, says who acts, repeats what may be repeated, and turns problems into refusals."""

from __future__ import annotations

import os
import time
import uuid
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import typer

from domain.refusal import Problem, Refusal

if TYPE_CHECKING:
    from activities.tokens import Words

LIFETIME = timedelta(minutes=10)
PATIENCE = 60.0
PAUSES = (0.5, 1.0, 2.0)
START = "start it with countersign up, or name one with --api"
AGAIN = frozenset({"unavailable", "in_progress"})


class Line:
    """A connection to the running API for one command.

    ``user`` acts by a token made with the local key, else ``COUNTERSIGN_TOKEN`` says who does.
    """

    def __init__(self, api: str | None, user: str | None, *roles: str) -> None:
        self.url = (api or _running_api()).rstrip("/")
        self._token = _token(user, roles)

    def get(self, path: str, **params: str | None) -> Any:
        """What the API shows at ``path``; parameters that are none are left out."""
        return self._call("GET", path, params=params).json()

    def get_text(self, path: str, accept: str, **params: str | None) -> str:
        """The same in another form."""
        return str(self._call("GET", path, params=params, headers={"Accept": accept}).text)

    def post(
        self, path: str, body: Mapping[str, Any] | None = None, *, seen: int | None = None, **params: str | None
    ) -> Any:
        """Do something, once, however often it has to be tried. Fields that are none are left out.

        ``seen`` is the version that it is done to; another one is refused (``stale``).
        """
        sent = {name: value for name, value in (body or {}).items() if value is not None}
        return self._call("POST", path, params=params, headers=_if_match(seen), json=sent).json()

    def patch(self, path: str, body: Mapping[str, Any], *, seen: int | None = None, **params: str | None) -> Any:
        """Change something, once."""
        sent = {name: value for name, value in body.items() if value is not None}
        return self._call("PATCH", path, params=params, headers=_if_match(seen), json=sent).json()

    def delete(self, path: str) -> Any:
        """Take something away; once more changes nothing."""
        return self._call("DELETE", path).json()

    def send(self, method: str, path: str, text: str, media_type: str, **headers: str) -> Any:
        """Hand in a document as it is written."""
        return self._call(method, path, content=text.encode(), headers={"Content-Type": media_type, **headers}).json()

    def _call(
        self,
        method: str,
        path: str,
        *,
        params: Mapping[str, str | None] | None = None,
        headers: Mapping[str, str] | None = None,
        **how: Any,
    ) -> Any:
        import httpx2

        sent = {"Authorization": f"Bearer {self._token}", **(headers or {})}
        if method in ("POST", "PATCH"):
            sent["Idempotency-Key"] = uuid.uuid4().hex
        asked = {name.rstrip("_"): value for name, value in (params or {}).items() if value is not None}
        url = f"{self.url}/api/v1{path}"
        for pause in (*PAUSES, None):
            try:
                answer = httpx2.request(method, url, params=asked, headers=sent, timeout=PATIENCE, **how)
            except (httpx2.TransportError, httpx2.InvalidURL) as error:
                refusal = Refusal("unavailable", f"no API answers at {self.url}: {error or 'no answer'}; {START}")
                if isinstance(error, httpx2.ConnectError | httpx2.InvalidURL | httpx2.UnsupportedProtocol):
                    raise refusal from None
            else:
                if answer.is_success:
                    return answer
                refusal = _refusal(answer)
            if refusal.code not in AGAIN or pause is None:
                raise refusal
            time.sleep(pause)
        raise AssertionError("the last pause raises")


def _if_match(seen: int | None) -> dict[str, str]:
    return {} if seen is None else {"If-Match": f'"{seen}"'}


def _refusal(answer: Any) -> Refusal:
    try:
        errors = answer.json()["errors"]
        return Refusal.of([Problem(each["code"], each["message"], each["path"]) for each in errors])
    except (ValueError, KeyError, TypeError, IndexError):
        message = f"{answer.url} answered {answer.status_code} and is no API of ours"
        return Refusal("unexpected_answer", message)


def _running_api() -> str:
    from starter.server import running_api
    from starter.settings import Settings

    found = running_api(Settings().state_dir)
    if found is None:
        raise Refusal("unavailable", f"no API runs here; {START}")
    return found


def _token(user: str | None, roles: tuple[str, ...]) -> str:
    if user is not None:
        return make_token(user, LIFETIME, *roles)
    given = os.environ.get("COUNTERSIGN_TOKEN", "").strip()
    if not given:
        raise typer.BadParameter("say who acts: --as USER, or set COUNTERSIGN_TOKEN")
    return given


def make_token(user: str, lifetime: timedelta, *roles: str) -> str:
    """An access token signed with the local key."""
    from activities.tokens import Tokens
    from starter.settings import Settings

    return Tokens(Settings().signing_key()).access(user, datetime.now(UTC), lifetime, frozenset(roles))


def make_act(
    user: str, subject: str, verb: str, key: str, lifetime: timedelta, words: Words | None, *roles: str
) -> str:
    """A token for one act in these words (none: in any), signed with the local key."""
    from activities.tokens import Bounds, Identity, Tokens
    from starter.settings import Settings

    bounds = Bounds(until=datetime.now(UTC) + lifetime, words=words)
    return Tokens(Settings().signing_key()).act(Identity(user, frozenset(roles)), subject, verb, key, bounds)


def quoted(name: str) -> str:
    """A name as a part of an address."""
    from urllib.parse import quote

    return quote(name, safe="")
