"""Node groups as forms: what is asked for, what is changed, and to which field a refusal goes."""

from typing import Any

from navarch.client.errors import FieldProblem
from navarch.console.changes import conflict, difference
from navarch.console.forms import Form
from navarch.console.groups import by_field, filled, patch, typed

SPEC: dict[str, Any] = {
    "kubernetes_version": None, "flavor": "m1.small", "replicas": 2, "autoscaling": None, "zones": ["z1"],
    "labels": {"tier": "web"}, "taints": [], "root_volume": None, "max_surge": 1, "max_unavailable": 0,
    "drain_timeout_seconds": 600, "force_drain": False, "repair_after_seconds": 300, "repair_conditions": [],
    "max_unhealthy": "40%", "keep_failed_machines": {"count": 0, "hours": 24},
}  # fmt: skip


def with_(form: Form, **changed: str | list[str]) -> Form:
    texts = {f"g0.{name.replace('__', '.')}": v if isinstance(v, list) else [v] for name, v in changed.items()}
    return Form({**form.fields, **texts})


def test_nothing_filled_in_asks_for_nothing() -> None:
    assert typed(Form({}), "g0") == {}


def test_everything_filled_in_is_asked_for() -> None:
    form = with_(
        Form({}), flavor="m1.small", replicas="4", autoscaling__min="1", autoscaling__max="6", zones=["z1", "z2"],
        labels="tier=web\nteam=shop", taints="dedicated=batch:NoSchedule\ngpu:NoExecute", root_volume__type="ssd",
        root_volume__size_gib="40", max_surge="25%", max_unavailable="1", force_drain="yes",
        repair_conditions="KernelDeadlock", keep_failed_machines__count="1",
    )  # fmt: skip
    assert typed(form, "g0") == {
        "flavor": "m1.small",
        "replicas": 4,
        "autoscaling": {"min": 1, "max": 6},
        "zones": ["z1", "z2"],
        "labels": {"tier": "web", "team": "shop"},
        "taints": [
            {"key": "dedicated", "value": "batch", "effect": "NoSchedule"},
            {"key": "gpu", "value": "", "effect": "NoExecute"},
        ],
        "root_volume": {"type": "ssd", "size_gib": 40},
        "max_surge": "25%",
        "max_unavailable": 1,
        "force_drain": True,
        "repair_conditions": ["KernelDeadlock"],
        "keep_failed_machines": {"count": 1},
    }


def test_a_form_that_was_left_as_it_is_changes_nothing() -> None:
    assert patch(SPEC, filled("web", SPEC, "g0"), "g0") == {}


def test_what_is_changed_is_patched_and_what_is_emptied_goes() -> None:
    full = SPEC | {
        "autoscaling": {
            "min": 1, "max": 6, "unneeded_seconds": 600, "utilization_threshold": 50, "max_provision_seconds": 900,
        },
        "root_volume": {"type": "ssd", "size_gib": 40},
        "taints": [{"key": "gpu", "value": "", "effect": "NoExecute"}],
        "force_drain": True,
    }  # fmt: skip
    form = with_(
        filled("web", full, "g0"), replicas="3", labels="team=shop", taints="", root_volume__type="",
        root_volume__size_gib="", force_drain="", autoscaling__max="9",
    )  # fmt: skip
    assert patch(full, form, "g0") == {
        "replicas": 3,
        "labels": {"team": "shop", "tier": None},
        "taints": [],
        "root_volume": None,
        "force_drain": False,
        "autoscaling": {"max": 9},
    }


def test_no_limits_any_more_is_no_autoscaling() -> None:
    limits = {"min": 1, "max": 6, "unneeded_seconds": 600, "utilization_threshold": 50, "max_provision_seconds": 900}
    full = SPEC | {"autoscaling": limits}
    form = with_(filled("web", full, "g0"), **{f"autoscaling__{name}": "" for name in limits})
    assert patch(full, form, "g0") == {"autoscaling": None}


def test_what_is_no_number_is_the_apis_to_refuse() -> None:
    assert typed(with_(Form({}), replicas="many"), "g0") == {"replicas": "many"}
    assert typed(with_(Form({}), taints="nonsense"), "g0") == {
        "taints": [{"key": "nonsense", "value": "", "effect": ""}]
    }


def test_refusals_go_to_their_fields() -> None:
    errors = (
        FieldProblem("spec.autoscaling.max", "too many"),
        FieldProblem("spec.autoscaling", "no"),
        FieldProblem("spec.taints[0].effect", "unknown"),
        FieldProblem("spec.labels", "reserved"),
        FieldProblem("", "not now"),
    )
    assert by_field(errors, "g0") == (
        {
            "g0.autoscaling.max": ["too many"],
            "g0.autoscaling.min": ["no"],
            "g0.taints": ["unknown"],
            "g0.labels": ["reserved"],
        },
        ["not now"],
    )


def test_a_difference_is_what_a_merge_patch_has() -> None:
    now = {"a": 1, "b": {"c": 2, "d": 3}, "e": None}
    assert difference(now, {"a": 1, "b": {"c": 4}, "e": None, "f": None}) == {"b": {"c": 4}}


def test_both_versions_stand_side_by_side() -> None:
    form = Form({"seen": ['{"replicas": 2, "flavor": "m1.small", "zones": ["z1"]}']})
    rows = conflict(412, form, {"replicas": 7, "flavor": "m1.small", "zones": ["z1"]}, {"replicas": 4})
    assert rows == [{"field": "replicas", "seen": "2", "now": "7", "asked": "4"}]
    assert conflict(422, form, {}, {}) is None
    assert conflict(412, Form({"seen": ["{no"]}), {"replicas": 7}, {}) == [
        {"field": "replicas", "seen": "–", "now": "7", "asked": "7"}
    ]
