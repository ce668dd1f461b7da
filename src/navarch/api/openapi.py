"""The OpenAPI document: FastAPI's, with the bodies and the security that its own machinery does not see."""

import json
from collections.abc import Awaitable, Callable
from typing import Any, Literal

from fastapi import FastAPI, Request, Response
from fastapi.openapi.utils import get_openapi
from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from navarch.api.models import requests
from navarch.api.problems import ProblemBody
from navarch.service import addon_wish, kubeconfigs, wish

_BODIES: tuple[type[BaseModel], ...] = (
    wish.NewCluster,
    wish.ClusterPatch,
    wish.NewNodeGroup,
    wish.NodeGroupPatch,
    addon_wish.NewAddon,
    addon_wish.AddonPatch,
    kubeconfigs.NewKubeconfig,
    requests.JoinBody,
    requests.ReportBody,
)
_MODELS: tuple[type[BaseModel], ...] = (*_BODIES, ProblemBody)
_REQUEST_ID = {
    "description": "Tell it to the operator: it is in logs and events.",
    "schema": {"type": "string", "pattern": "^req-[0-9a-f-]{36}$"},
}


def route(app: FastAPI) -> Callable[[Request], Awaitable[Response]]:
    """Answers with the document. Anybody may ask for it, so it is written down once: to do so each time took longer
    than all else that needs no token."""
    written = b""

    async def answer(request: Request) -> Response:
        nonlocal written
        written = written or json.dumps(app.openapi(), ensure_ascii=False, separators=(",", ":")).encode()
        return Response(written, media_type="application/json")

    return answer


def document(app: FastAPI) -> dict[str, Any]:
    """The document, made once."""
    if app.openapi_schema is None:
        made = get_openapi(
            title=app.title, version=app.version, summary=app.summary, description=app.description, routes=app.routes
        )
        _add_schemas(made)
        for path, methods in made["paths"].items():
            for operation in methods.values():
                _add_body(operation)
                _add_answers(path, operation)
        app.openapi_schema = made
    return app.openapi_schema


def _add_schemas(made: dict[str, Any]) -> None:
    wanted: list[tuple[type[BaseModel], Literal["validation"]]] = [(model, "validation") for model in _MODELS]
    _, definitions = models_json_schema(wanted, ref_template="#/components/schemas/{model}")
    schemas = made.setdefault("components", {}).setdefault("schemas", {})
    schemas.update(definitions["$defs"])
    for unused in ("HTTPValidationError", "ValidationError"):
        schemas.pop(unused, None)
    made["components"]["securitySchemes"] = {
        "Token": {"type": "apiKey", "in": "header", "name": "X-Auth-Token", "description": "A Keystone token."},
        "ReportToken": {"type": "http", "scheme": "bearer", "description": "From the answer to /bootstrap/v1/join."},
    }


def _add_body(operation: dict[str, Any]) -> None:
    name = operation.pop("x-body", None)
    media_type = operation.pop("x-body-media-type", "application/json")
    if name is not None:
        schema = {"$ref": f"#/components/schemas/{name}"}
        content = {kind: {"schema": schema} for kind in dict.fromkeys((media_type, "application/json"))}
        operation["requestBody"] = {"required": name != "NewKubeconfig", "content": content}


def _add_answers(path: str, operation: dict[str, Any]) -> None:
    answers = operation["responses"]
    if "HTTPValidationError" in str(answers.get("422", "")):
        del answers["422"]  # bad parameters are answered with 400 here
    for answer in answers.values():
        answer.setdefault("headers", {})["x-openstack-request-id"] = _REQUEST_ID
    parameters = operation.get("parameters", [])
    if path.startswith("/kaas/"):
        operation["security"] = [{"Token": []}]
        operation["parameters"] = [p for p in parameters if p["name"].lower() != "x-auth-token"]
    elif path.startswith("/bootstrap/"):
        operation["parameters"] = [p for p in parameters if p["name"].lower() != "authorization"]
