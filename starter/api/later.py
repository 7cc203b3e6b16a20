"""Addresses that are promised and not built yet: refused by name, so that nobody takes them for a mistake of theirs."""

from __future__ import annotations

from fastapi import APIRouter, Request

from domain.refusal import Refusal
from starter.api.route import DocumentRoute

PROMISED: tuple[tuple[str, str], ...] = ()

router = APIRouter(route_class=DocumentRoute, include_in_schema=False)


async def refuse(request: Request) -> None:
    """Say that it is not built yet."""
    raise Refusal("not_built_yet", f"{request.method} {request.scope['route'].path} is not built yet")


for method, path in PROMISED:
    router.add_api_route(path, refuse, methods=[method])
