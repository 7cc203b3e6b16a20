"""Whether the process lives, whether it can serve, what it has served, and a page of its addresses."""

from __future__ import annotations

from datetime import timedelta
from html import escape

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, JSONResponse, Response
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from temporalio.service import RPCError

from activities.store.outage import is_outage
from domain.refusal import Refusal
from starter.api.boundary import Meters
from starter.api.caller import Doors

router = APIRouter(tags=["operations"])

PATIENCE = timedelta(seconds=2)


@router.get("/healthz")
async def healthz() -> JSONResponse:
    """The process lives."""
    return JSONResponse({"status": "ok"})


@router.get("/readyz")
async def readyz(request: Request) -> JSONResponse:
    """Database and Temporal answer; 503 names what does not."""
    doors: Doors = request.app.state.doors
    away = [name for name, ready in (("database", _database), ("temporal", _temporal)) if not await ready(doors)]
    if away:
        raise Refusal("unavailable", f"{' and '.join(away)} did not answer")
    return JSONResponse({"status": "ready"})


async def _database(doors: Doors) -> bool:
    try:
        return await doors.desk.database.ready()
    except Exception as error:
        if is_outage(error):
            return False
        raise


async def _temporal(doors: Doors) -> bool:
    try:
        return await doors.desk.client.service_client.check_health(timeout=PATIENCE)
    except RPCError:
        return False


@router.get("/metrics", include_in_schema=False)
async def metrics(request: Request) -> Response:
    """Figures for Prometheus."""
    meters: Meters = request.app.state.meters
    return Response(generate_latest(meters.registry), media_type=CONTENT_TYPE_LATEST)


@router.get("/docs", include_in_schema=False)
async def docs(request: Request) -> HTMLResponse:
    """Every address on one page; it needs nothing from elsewhere."""
    described = request.app.openapi()
    rows = "".join(
        f"<tr><td><code>{method.upper()}</code></td><td><code>{escape(path)}</code></td>"
        f"<td>{escape(operation.get('description') or '')}</td></tr>"
        for path, operations in described["paths"].items()
        for method, operation in operations.items()
    )
    return HTMLResponse(PAGE.format(rows=rows))


PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>countersign API</title>
<style>body {{ font: 1rem/1.5 system-ui, sans-serif; margin: 2rem; max-width: 70rem }}
td {{ padding: .2rem 1rem .2rem 0; vertical-align: top }}</style></head>
<body><h1>countersign API</h1>
<p>Send a bearer token (<code>countersign token USER</code>). The whole description is in
<a href="/openapi.json">/openapi.json</a>.</p>
<table>{rows}</table></body></html>
"""
