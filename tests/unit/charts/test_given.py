"""Values that Navarch gives to a chart whose schema asks for them."""

from typing import Any

from tests.unit.addons.sample_inputs import cluster

from navarch.charts.given import FACTS, completed, unknown

OWNER = {"type": "string", "x-navarch-given": "cluster-id"}
SCHEMA: dict[str, Any] = {
    "properties": {"owner": OWNER, "dns": {"properties": {"owner": OWNER, "ttl": {"type": "integer"}}}, "any": True}
}


def test_what_nobody_set_is_given_at_any_depth_and_what_is_set_stays() -> None:
    its = cluster()
    assert its.id
    assert completed({"a": 1}, SCHEMA, its, FACTS) == {"a": 1, "owner": its.id, "dns": {"owner": its.id}}
    set_ = {"owner": "mine", "dns": {"ttl": 5, "owner": ""}}
    assert completed(set_, SCHEMA, its, FACTS) == {"owner": "mine", "dns": {"ttl": 5, "owner": its.id}}
    assert set_["dns"] == {"ttl": 5, "owner": ""}, "what is kept of the user's is not changed"
    assert completed({"dns": None}, SCHEMA, its, FACTS)["dns"] is None
    assert completed({"size": 1}, {"properties": {"size": {"type": "integer"}}}, its, FACTS) == {"size": 1}


def test_what_nobody_gives_is_named() -> None:
    odd = {"properties": {"a": {"x-navarch-given": "weather"}, "b": {"items": [OWNER, {"x-navarch-given": "mood"}]}}}
    assert unknown(odd) == ("weather", "mood")
    assert unknown(SCHEMA) == ()
