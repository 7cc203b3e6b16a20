"""The route of replays: what a draft would have asked for on stored rounds."""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated, Any

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse
from pydantic import Field

from domain.reading import read_model
from domain.refusal import Refusal
from domain.yaml_text import read_yaml
from starter.api.bodies import Body
from starter.api.caller import Calling
from starter.api.route import DoorRoute, read_json
from starter.replay_desk import ReplayDesk

router = APIRouter(route_class=DoorRoute, tags=["policies and people"])

MOST_ROUNDS = 2000
LONGEST_POLICY = 2_000_000


class Replaying(Body):
    """A draft, as a ``document`` or as ``text`` (YAML); the version ``against`` which it is held (left out: the
    newest of its name); and how many of the newest rounds are replayed.
    """

    document: dict[str, Any] | None = None
    text: Annotated[str, Field(max_length=LONGEST_POLICY)] | None = None
    against: Annotated[int, Field(strict=True, ge=1, le=1_000_000)] | None = None
    limit: Annotated[int, Field(strict=True, ge=1, le=MOST_ROUNDS)] = 500

    @property
    def draft(self) -> dict[str, Any]:
        """The draft's document. Codes: ``missing_field``, ``conflicting_fields``, ``invalid_yaml``, ``wrong_type``."""
        if self.document is not None and self.text is not None:
            raise Refusal("conflicting_fields", "send the draft as document or as text, not as both", "text")
        found = self.document
        if self.text is not None:
            found = read_yaml(self.text, "text").value
        if found is None:
            raise Refusal("missing_field", "send the draft as document, or as text", "document")
        if not isinstance(found, dict):
            raise Refusal("wrong_type", "a policy is a mapping of fields", "text")
        return found


DESCRIBED = {
    "requestBody": {"required": True, "content": {"application/json": {"schema": Replaying.model_json_schema()}}}
}


@router.post("/policies/replay", openapi_extra=DESCRIBED)
async def replay_policy(request: Request, call: Calling) -> JSONResponse:
    """Plan the newest rounds by a draft and by a published version, and tell the difference; nothing is written."""
    call.require_admin()
    # Bare numbers of a policy are exact decimals, as where it is published.
    body = read_model(Replaying, read_json(await request.body(), parse_float=Decimal))
    return JSONResponse(await ReplayDesk(call.doors.desk).replay(body.draft, body.against, body.limit))
