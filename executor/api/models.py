"""The models: which are in force, another one put in force while orders go on, and back again in one call."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Header, Path, Request, Response

from domain.problems import ActivationConflict, ActivationUnderWay, UnknownModel
from executor.activation import Wish
from executor.api.answers import ModelsDocument, OperationDocument
from executor.api.errors import errors
from executor.api.forms import ModelWish, Reason
from executor.api.quotes import example
from executor.api.tokens import Role, needs
from executor.service import ExecutorService

ROUTER = APIRouter(prefix="/models", tags=["models"])
MODEL = {"name": "execution", "version": "3", "bundle_sha256": "ab" * 32, "policy": "quote_offset"}
CHAMPION = {"name": "execute_now", "version": "1", "bundle_sha256": "cd" * 32, "policy": "execute_now"}
IN_FORCE: dict[str, Any] = {
    "generation": 4,
    "handover_generation": 2,
    "champion": CHAMPION,
    "challenger": MODEL,
    "previous": None,
    "share_percent": 10.0,
    "shadow": False,
    "salt": "9f2c1b7a60d3e845",
    "source": "person",
    "operation_id": "activation-17",
    "in_flight": 0,
    "draining": [],
    "guardrails": {"failed": 1.0, "rejected": 1.0, "reverted": 1.0},
    "durable": True,
    "notes": [],
}
ASKED: dict[str, Any] = {
    "operation_id": "activation-17",
    "state": "ACCEPTED",
    "name": "execution",
    "version": "3",
    "bundle_sha256": "ab" * 32,
    "share_percent": 10.0,
    "shadow": False,
    "source": "person",
    "generation": None,
    "reason": None,
    "check": None,
    "seconds": {},
}
DONE = {**ASKED, "state": "DONE", "generation": 4, "seconds": {"verifying": 0.021, "warming": 0.001, "pause": 0.000002, "draining": 0.004}}
UNKNOWN = UnknownModel("There is no execution 4 on the shelf; there is execution 3.", name="execution", version="4")
BETWEEN = ActivationConflict("Generation 5 is in force, not 4; look at GET /models and ask again.", generation=5)
BUSY = ActivationUnderWay(
    "The activation of execution 3 is draining; ask again in 1 s.", operation_id="activation-17", retry_after_seconds=1
)
NOTHING = ActivationConflict("There is nothing to roll back to: no other model was in force since the start.")


@ROUTER.get(
    "",
    summary="The models in force",
    dependencies=[Depends(needs(Role.VIEWER))],
    response_model=ModelsDocument,
    responses={**example(IN_FORCE), **errors(401, 413, 503)},
)
async def look(request: Request) -> dict[str, Any]:
    """Champion, challenger and its share, what a rollback would bring back, and what is still in flight of the models before."""
    service: ExecutorService = request.app.state.service
    return service.models()


@ROUTER.post(
    "/activate",
    summary="Put a model of the shelf in force",
    status_code=202,
    dependencies=[Depends(needs(Role.ADMIN))],
    response_model=OperationDocument,
    responses={
        **example(ASKED, 202),
        200: {"model": OperationDocument, "description": "It is under way or in force already: nothing changes.", **example(DONE)[200]},
        **errors(401, 403, 404, 409, 413, 422, 503, status_404=UNKNOWN, status_409=BETWEEN, status_503=BUSY),
    },
)
async def activate(
    wish: ModelWish,
    request: Request,
    response: Response,
    idempotency_key: Annotated[
        str | None, Header(pattern=r"^[A-Za-z0-9_.:\-]{1,64}$", description="The same key and wish again is the same activation.")
    ] = None,
    if_match: Annotated[
        str | None, Header(pattern=r'^("[0-9]{1,15}"|[0-9]{1,15})$', description="Only if this generation is still in force.")
    ] = None,
) -> dict[str, Any]:
    """Verified and warmed up beside the orders, then shifted in one assignment; `Location` tells how far it is.

    While one activation is not done, another is refused with 503 and Retry-After.
    """
    service: ExecutorService = request.app.state.service
    wanted = Wish.of(wish.name, wish.version, wish.share_percent, wish.shadow, wish.bundle_sha256)
    generation = int(if_match.strip('"')) if if_match is not None else None
    operation, is_new = await service.activate(wanted, key=idempotency_key, if_generation=generation)
    response.status_code = 202 if is_new else 200
    response.headers["Location"] = f"/models/operations/{operation.operation_id}"
    return operation.to_json()


@ROUTER.post(
    "/rollback",
    summary="Back to the model before, at once",
    dependencies=[Depends(needs(Role.ADMIN))],
    response_model=ModelsDocument,
    responses={
        **example({**IN_FORCE, "challenger": None, "share_percent": 0.0}),
        **errors(401, 403, 409, 413, 422, 503, status_409=NOTHING),
    },
)
async def roll_back(why: Reason, request: Request) -> dict[str, Any]:
    """Withdraws the challenger; without one, brings the champion before back. It is resident: nothing is loaded or verified."""
    service: ExecutorService = request.app.state.service
    service.rollback(why.reason)
    return service.models()


@ROUTER.get(
    "/operations/{operation_id}",
    summary="How far an activation is",
    dependencies=[Depends(needs(Role.VIEWER))],
    response_model=OperationDocument,
    responses={
        **example(DONE),
        **errors(
            401, 404, 413, 422, status_404=UnknownModel("There is no activation activation-9; POST /models/activate tells the id of each.")
        ),
    },
)
async def operation(
    operation_id: Annotated[str, Path(pattern=r"^[a-z0-9\-]{1,64}$", description="As POST /models/activate told it.")], request: Request
) -> dict[str, Any]:
    """Its state, and why it failed or was rolled back when it was."""
    service: ExecutorService = request.app.state.service
    return service.operation(operation_id).to_json()
