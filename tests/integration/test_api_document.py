"""The OpenAPI document, and the service held against it with generated requests."""

from typing import Any

import pytest
import schemathesis
from api_fixtures import CATALOGUE, Api, MakeApi, plenty
from hypothesis import HealthCheck, given, settings
from hypothesis.errors import Unsatisfiable
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.core.result import Ok
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

pytestmark = [pytest.mark.postgres, pytest.mark.timeout(900)]

CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]
EXAMPLES = 10  # of each operation, good ones and bad ones each


def test_the_document_says_what_is_needed_of_a_caller(api: Api) -> None:
    document = api.get("/openapi.json").json()
    assert document["openapi"].startswith("3.1")
    create = document["paths"]["/kaas/v1/clusters"]["post"]
    assert create["security"] == [{"Token": []}]
    assert create["requestBody"]["content"]["application/json"]["schema"] == {"$ref": "#/components/schemas/NewCluster"}
    assert "spec" in document["components"]["schemas"]["NewCluster"]["properties"]
    assert "HTTPValidationError" not in str(document)
    for path, methods in document["paths"].items():
        for operation in methods.values():
            if path.startswith("/kaas"):
                assert {"401", "403", "503"} <= set(operation["responses"]), path
                assert operation["description"], path


def test_generated_requests_never_break_it_and_answers_are_as_documented(make_api: MakeApi) -> None:
    api = make_api(watch_seconds=0.0, machine_burst=1_000_000)
    api.store.write_catalogue(CATALOGUE)
    api.store.write_quota("alpha", plenty())
    api.create()
    schema = schemathesis.openapi.from_asgi("/openapi.json", api.client.app)
    operations: list[Any] = [result.ok() for result in schema.get_all_operations() if isinstance(result, Ok)]
    assert len(operations) >= 22
    for operation in operations:
        for mode in (GenerationMode.POSITIVE, GenerationMode.NEGATIVE):
            _hold_against(operation, mode)


def _hold_against(operation: Any, mode: GenerationMode) -> None:
    calls = iter(range(1_000_000))

    @settings(
        max_examples=EXAMPLES, deadline=None, database=None, derandomize=True, suppress_health_check=list(HealthCheck)
    )
    @given(case=operation.as_strategy(generation_mode=mode))
    def hold(case: Any) -> None:
        if "cluster" in (case.path_parameters or {}) and next(calls) % 2:
            case.path_parameters["cluster"] = "shop"  # no generator finds the one that there is
        headers = {"X-Auth-Token": "ann"} if operation.path.startswith("/kaas") else {}
        answer = case.call(headers=headers)
        case.validate_response(answer, checks=CHECKS)

    try:
        hold()
    except Unsatisfiable:
        assert mode is GenerationMode.NEGATIVE  # a request without parameters cannot be made wrong
