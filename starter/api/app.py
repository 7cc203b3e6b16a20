"""The HTTP API, put together."""

from __future__ import annotations

from datetime import timedelta
from importlib.metadata import version
from typing import Any

from fastapi import APIRouter, Depends, FastAPI
from fastapi.exceptions import RequestValidationError
from fastapi.openapi.utils import get_openapi
from fastapi.security import HTTPBearer
from starlette.exceptions import HTTPException

from domain.quote import Quote
from domain.refusal import Refusal
from starter.api import (
    analytics,
    approvals,
    contracts,
    credit,
    customers,
    directory,
    health,
    holdings,
    messages,
    order_changes,
    orders,
    periods,
    policies,
    quotes,
    record,
    replacements,
    replay,
)
from starter.api.boundary import Boundary, Meters
from starter.api.caller import Doors
from starter.api.problems import ProblemDocument, tell_http_error, tell_refusal, tell_wrong_request
from starter.desk import Desk

LARGEST_BODY = 5 * 2**20
PATIENCE = timedelta(seconds=30)
PREFIX = "/api/v1"
COMPONENTS = "#/components/schemas/{model}"


def create_api(desk: Desk, *, largest_body: int = LARGEST_BODY, patience: timedelta = PATIENCE) -> FastAPI:
    """The API on that desk. ``largest_body`` is in bytes; ``patience`` is how long a request may wait for workers."""
    app = FastAPI(
        title="countersign",
        version=version("countersign"),
        description="Durable quote approvals and order orchestration. Errors are RFC 9457 problem documents.",
        docs_url=None,
        redoc_url=None,
        responses={"default": {"description": "Refused", "model": ProblemDocument}},
        exception_handlers={
            Refusal: tell_refusal,
            RequestValidationError: tell_wrong_request,
            HTTPException: tell_http_error,
        },
    )
    app.state.doors = Doors(desk, largest_body, patience)
    app.state.meters = Meters()
    app.add_middleware(Boundary, meters=app.state.meters)
    app.include_router(health.router)
    app.include_router(_versioned(), prefix=PREFIX)
    described = _Description(app)
    app.openapi = described  # type: ignore[method-assign]
    return app


def _versioned() -> APIRouter:
    # For the description only: the routes themselves look at the token before anything else is read.
    api = APIRouter(dependencies=[Depends(HTTPBearer(auto_error=False))])
    for each in (
        quotes,
        approvals,
        record,
        analytics,
        orders,
        order_changes,
        customers,
        holdings,
        credit,
        contracts,
        periods,
        policies,
        directory,
        replacements,
        replay,
        messages,
    ):
        api.include_router(each.router)
    api.include_router(policies.documents)
    api.include_router(directory.documents)
    return api


class _Description:
    """The OpenAPI document, made at the first question, with the schema of the quote that bodies refer to."""

    def __init__(self, app: FastAPI) -> None:
        self._app = app
        self._made: dict[str, Any] | None = None

    def __call__(self) -> dict[str, Any]:
        if self._made is None:
            app = self._app
            made = get_openapi(title=app.title, version=app.version, description=app.description, routes=app.routes)
            schema = Quote.model_json_schema(ref_template=COMPONENTS)
            made["components"]["schemas"] |= {**schema.pop("$defs"), "Quote": schema}
            self._made = made
        return self._made
