"""The way into every route: who acts, strict JSON, one answer for each idempotency key, and an end to waiting."""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any

from fastapi import Request, Response
from fastapi.routing import APIRoute
from starlette.types import Receive, Scope

from activities.store.idempotency import KeptAnswer
from activities.store.jsonable import UNSTORABLE, canonical, refuse_unstorable
from domain.refusal import Problem, Refusal
from starter.api.caller import Doors, idempotency_key, identify

Handler = Callable[[Request], Awaitable[Response]]

ONCE = frozenset({"POST", "PATCH"})
KEPT_HEADERS = ("content-type", "etag", "location")
JSON_TYPES = ("application/json",)
DEEPEST = 60


class StrictRequest(Request):
    """A request whose body has a largest size, and is JSON as it stands in the standard."""

    def __init__(self, scope: Scope, receive: Receive, largest_body: int) -> None:
        super().__init__(scope, receive)
        self._largest = largest_body

    async def body(self) -> bytes:
        """The body. Code: ``body_too_large``."""
        if not hasattr(self, "_body"):
            chunks: list[bytes] = []
            size = 0
            async for chunk in self.stream():
                size += len(chunk)
                if size > self._largest:
                    raise Refusal("body_too_large", f"at most {self._largest:,} bytes are taken")
                chunks.append(chunk)
            self._body = b"".join(chunks)
        return self._body

    async def json(self) -> Any:
        """The body as JSON. Codes: ``invalid_json``, ``invalid_text``."""
        if not hasattr(self, "_json"):
            self._json = read_json(await self.body())
        return self._json


def read_json(body: bytes, **how: Any) -> Any:
    """JSON without repeated names, without NaN, and not nested deeper than documents are.

    ``how`` goes to the reader (``parse_float``). Codes: ``invalid_json``, ``invalid_text``.
    """
    try:
        value = json.loads(body, parse_constant=_no_constant, object_pairs_hook=_no_repetition, **how)
        if _depth(value) > DEEPEST:
            raise ValueError("it is nested too deeply")
    except (ValueError, RecursionError) as error:
        told = "it is nested too deeply" if isinstance(error, RecursionError) else str(error)
        raise Refusal("invalid_json", f"the body is no JSON: {told}") from None
    refuse_unstorable(value)
    return value


def _no_constant(name: str) -> Any:
    raise ValueError(f"{name} is no number of JSON")


def _no_repetition(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        names = [name for name, _ in pairs]
        raise ValueError(f"{next(name for name in names if names.count(name) > 1)} stands twice in one object")
    return found


def _depth(value: Any) -> int:
    if isinstance(value, dict):
        return 1 + max(map(_depth, value.values()), default=0)
    if isinstance(value, list):
        return 1 + max(map(_depth, value), default=0)
    return 0


class DoorRoute(APIRoute):
    """A route that is only entered by somebody with a token, and whose changes happen once for each key."""

    body_types: Sequence[str] = JSON_TYPES

    def get_route_handler(self) -> Callable[[Request], Any]:
        handle = super().get_route_handler()
        takes_query = bool(self.dependant.query_params)

        async def door(request: Request) -> Response:
            doors: Doors = request.app.state.doors
            request.state.who = identify(request, doors)
            _check_address(request, takes_query)
            strict = StrictRequest(request.scope, request.receive, doors.largest_body)
            await _read(strict, self.body_types)
            async with _patience(doors):
                await doors.desk.refuse_leaver(request.state.who)
                key = idempotency_key(request)
                if key is not None and request.method in ONCE and not _is_preview(request):
                    return await _once(doors, strict, key, handle)
                return _private(await handle(strict))

        return door


class DocumentRoute(DoorRoute):
    """A route that takes a document as JSON or as YAML."""

    body_types = (*JSON_TYPES, "application/yaml", "application/x-yaml", "text/yaml", "text/plain")


def _is_preview(request: Request) -> bool:
    """Whether nothing is written, so that there is nothing to be done only once."""
    asked = request.query_params.get("preview", "false").lower()
    return request.url.path.endswith("/preview") or asked not in ("false", "0", "no", "off", "f", "n")


def _private(response: Response) -> Response:
    response.headers.setdefault("Cache-Control", "no-store")
    return response


def _check_address(request: Request, takes_query: bool) -> None:
    named = (*request.path_params.items(), *request.query_params.multi_items())
    for name, text in named:
        if UNSTORABLE.search(f"{name}{text}"):
            message = "the address has a character that is no text (NUL or half a surrogate); remove it"
            raise Refusal("invalid_text", message, UNSTORABLE.sub("?", name))
    if not takes_query and request.query_params:
        raise Refusal.of(
            [
                Problem("unknown_field", "is not a parameter of this address; remove it", name)
                for name in request.query_params
            ]
        )


async def _read(request: StrictRequest, taken: Sequence[str]) -> None:
    """Read the body before the web framework does, which tells nothing of what is wrong with it."""
    body = await request.body()
    given = media_type(request)
    if body and given not in taken:
        raise Refusal("unsupported_media_type", f"send {' or '.join(taken[:2])} (Content-Type), not {given or 'none'}")
    if body and given in JSON_TYPES:
        await request.json()


def media_type(request: Request) -> str:
    """The body's type, without its parameters."""
    return request.headers.get("content-type", "").partition(";")[0].strip().lower()


@asynccontextmanager
async def _patience(doors: Doors) -> AsyncIterator[None]:
    try:
        async with asyncio.timeout(doors.patience.total_seconds()):
            yield
    except TimeoutError as error:
        raise Refusal("unavailable", "no worker answered in time; make the same request again, with its key") from error


async def _once(doors: Doors, request: StrictRequest, key: str, handle: Handler) -> Response:
    """Answer a request that was made before under ``key`` as before; remember the answer to a new one.

    A refused request changed nothing: its key stays free. So does that of many in one of which some were not done,
    each of which has a key of its own. Codes: ``idempotency_key_reused``, ``in_progress``.
    """
    actor: str = request.state.who.user
    query = f"?{request.url.query}" if request.url.query else ""
    async with doors.desk.database.work() as work:
        kept = await work.idempotency.begin(
            actor,
            key,
            method=request.method,
            path=request.url.path + query,
            request_hash=await _fingerprint(request),
        )
    if kept is not None:
        return _again(kept)
    try:
        response = _private(await handle(request))
    except BaseException:
        # Also when the caller went away: whatever is still on its way carries the same key.
        await asyncio.shield(_forget(doors, actor, key))
        raise
    if getattr(request.state, "unfinished", False):
        # What was done is known by its own key; what was not is no answer to repeat for ever.
        await _forget(doors, actor, key)
        return response
    body = bytes(response.body).decode()
    headers = {name: response.headers[name] for name in KEPT_HEADERS if name in response.headers}
    async with doors.desk.database.work() as work:
        answer = {"headers": headers, "body": body}
        await work.idempotency.finish(actor, key, status=response.status_code, response=answer)
    return response


async def _fingerprint(request: StrictRequest) -> str:
    body = await request.body()
    if body and media_type(request) in JSON_TYPES:
        body = canonical(await request.json()).encode()
    seen = [request.headers.get("if-match", ""), body.decode(errors="replace")]
    return hashlib.sha256(canonical(seen).encode()).hexdigest()


async def _forget(doors: Doors, actor: str, key: str) -> None:
    async with doors.desk.database.work() as work:
        await work.idempotency.forget(actor, key)


def _again(kept: KeptAnswer) -> Response:
    response = Response(kept.response["body"], kept.status, kept.response["headers"])
    response.headers["Idempotency-Replayed"] = "true"
    return _private(response)
