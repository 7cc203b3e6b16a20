"""The outermost shell of the API: counts and times every request, and lets no exception out."""

from __future__ import annotations

import time

import structlog
from prometheus_client import CollectorRegistry, Counter, Histogram
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from activities.store.outage import is_outage
from domain.refusal import Refusal
from starter.api.problems import bug_response, problem_response

log = structlog.get_logger(__name__)

BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)


class Meters:
    """The figures that ``/metrics`` shows. Paths are those of the routes, never with somebody's ids in them."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        names = ("method", "path")
        self.requests = Counter(
            "countersign_http_requests", "Requests answered.", (*names, "status"), registry=self.registry
        )
        self.seconds = Histogram(
            "countersign_http_request_seconds", "Time to answer.", names, registry=self.registry, buckets=BUCKETS
        )


class Boundary:
    """Wraps the application."""

    def __init__(self, app: ASGIApp, meters: Meters) -> None:
        self._app = app
        self._meters = meters

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        status = 0

        async def watched(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        began = time.perf_counter()
        try:
            await self._app(scope, receive, watched)
        except Exception as error:
            if status:
                # The answer is half out: all that is left is to break it off.
                log.exception("answer_broken_off", path=scope["path"])
                raise
            await self._tell(error, scope)(scope, receive, watched)
        finally:
            self._count(scope, status, time.perf_counter() - began)

    def _tell(self, error: Exception, scope: Scope) -> ASGIApp:
        if is_outage(error):
            log.warning("database_away", path=scope["path"], error=repr(error))
            return problem_response(
                Refusal("unavailable", "the database did not answer; try again with the same key"), {}
            )
        log.error("request_failed", path=scope["path"], exc_info=error)
        return bug_response()

    def _count(self, scope: Scope, status: int, seconds: float) -> None:
        # None of ours: the path is whatever a stranger made up, and would fill the memory.
        path = getattr(scope.get("route"), "path", None) or "unknown"
        self._meters.requests.labels(scope["method"], path, str(status)).inc()
        self._meters.seconds.labels(scope["method"], path).observe(seconds)
