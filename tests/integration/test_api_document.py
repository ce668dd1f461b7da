"""The OpenAPI document, and the service held against it with generated requests."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from hypothesis.errors import Unsatisfiable
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.core.result import Ok
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    negative_data_rejection,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)
from tests.integration.api_fixtures import MACHINE_TOKENS, OFFER, Api, MakeApi, plenty, routes
from tests.integration.some_values import a_machine

from navarch.domain.machines import MachineFacts
from navarch.domain.spec import Role

pytestmark = [pytest.mark.postgres, pytest.mark.timeout(900)]

CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    negative_data_rejection,
    response_headers_conformance,
    response_schema_conformance,
    negative_data_rejection,
]
EXAMPLES = 20  # of each operation, good ones and bad ones each


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


# Said of what another thread draws meanwhile: psycopg_pool a jitter for each new connection.
@pytest.mark.filterwarnings("ignore:Do not use the `random` module")
def test_generated_requests_never_break_it_and_answers_are_as_documented(make_api: MakeApi) -> None:
    api = make_api(watch_seconds=0.0, machine_burst=1_000_000)
    api.store.write_offer(OFFER)
    api.store.write_quota("alpha", plenty())
    known = _what_no_generator_finds(api)
    document = api.get("/openapi.json").json()
    for methods in document["paths"].values():
        for operation in methods.values():
            operation.pop("security", None)  # who may call is test_api_access.py's; here everybody may
    schema = schemathesis.openapi.from_dict(document)
    schema.app = api.client.app
    operations: list[Any] = [result.ok() for result in schema.get_all_operations() if isinstance(result, Ok)]
    assert {(o.method.upper(), o.path) for o in operations} == set(routes(api.client.app)) - {("GET", "/openapi.json")}
    for operation in operations:
        for mode in (GenerationMode.POSITIVE, GenerationMode.NEGATIVE):
            _hold_against(operation, mode, known)


def _what_no_generator_finds(api: Api) -> dict[str, str]:
    """A cluster with an address, and a machine of it that may join."""
    id_ = api.create()["id"]
    api.make_ready(id_)
    claim, machine = api.claim(id_), a_machine("m0", role=Role.WORKER, group="default", serial=1)
    api.store.record_machine(id_, claim.token, machine)
    ticket, digest = MACHINE_TOKENS.issue_ticket(id_, "m0")
    expires = datetime.now(UTC) + timedelta(hours=1)
    facts = MachineFacts("10.0.0.5")
    api.store.add_ticket(id_, claim.token, "m0", digest, expires_at=expires, facts=facts)
    return {"cluster": "shop", "machine": "m0", "ticket": ticket, "bearer": MACHINE_TOKENS.issue(id_, "m0")}


def _hold_against(operation: Any, mode: GenerationMode, known: dict[str, str]) -> None:
    calls = iter(range(1_000_000))
    headers = {"X-Auth-Token": "ann", "Authorization": f"Bearer {known['bearer']}"}

    @settings(
        max_examples=EXAMPLES, deadline=None, database=None, derandomize=True, suppress_health_check=list(HealthCheck)
    )
    @given(case=operation.as_strategy(generation_mode=mode))
    def hold(case: Any) -> None:
        if next(calls) % 2:
            places = [case.path_parameters]
            if mode is GenerationMode.POSITIVE:  # what was made wrong on purpose stays so
                places.append(case.body)
            for place in places:
                if isinstance(place, dict):
                    place.update({name: value for name, value in known.items() if name in place})
        answer = case.call(headers=headers)
        case.validate_response(answer, checks=CHECKS)

    try:
        hold()
    except Unsatisfiable:
        assert mode is GenerationMode.NEGATIVE  # a request without parameters cannot be made wrong
