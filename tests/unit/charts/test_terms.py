"""The terms of an entry, as its navarch.yaml has them: read exactly, refused as a whole."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from navarch.charts import terms
from navarch.charts.entry import pack, read
from navarch.domain.terms import Created, EventsRule, Terms

ADDONS = Path(__file__).parents[3] / "addons"


def of(said: str | dict[str, Any]) -> tuple[Terms, list[str]]:
    problems: list[str] = []
    more = yaml.safe_load(said) if isinstance(said, str) else said
    return terms.read("shop", more, problems), [p.removeprefix("navarch.yaml: ") for p in problems]


def test_what_the_module_shows_is_taken() -> None:
    example = (terms.__doc__ or "").partition("\n\n")[2]
    found, problems = of(example)
    assert problems == []
    assert (found.alone, found.provides, found.requires, found.conflicts) == (
        True, ("monitoring.coreos.com",), ("store",), ("other-store",),
    )  # fmt: skip
    assert [str(made) for made in found.created_by("shop", "market")] == ["Lease market/shop-leader"]
    assert found.health == (
        EventsRule(
            ("RecordError",), "external-dns", "NamesNotWritten", "user", "Give it the right key.", ("RecordReady",), 5
        ),
    )


def test_an_entry_that_says_nothing_has_no_terms() -> None:
    assert of({}) == (Terms(), [])


def test_what_a_program_makes_is_named_exactly() -> None:
    found, problems = of("""
      creates:
      - {kind: Secret, namespace: "{namespace}-x", labels: {of: "{name}", a: b}}
      - {kind: ValidatingWebhookConfiguration, group: admissionregistration.k8s.io, name: "{name}", clusterwide: true}
    """)
    assert problems == []
    by_labels, of_the_cluster = found.creates
    assert by_labels.of("web", "shop") == Created("Secret", "", "shop-x", "", (("a", "b"), ("of", "web")))
    assert str(by_labels.of("web", "shop")) == "Secret shop-x/* a=b,of=web"
    assert str(of_the_cluster.of("web", "shop")) == "ValidatingWebhookConfiguration web"
    assert by_labels.of("web", "shop").has({"a": "b", "of": "web", "c": "d"})
    assert not by_labels.of("web", "shop").has({"a": "b", "of": "other"})


@pytest.mark.parametrize(
    ("made", "said"),
    [
        ("{kind: Secret}", "either a name or labels say which"),
        ("{kind: Secret, name: a, labels: {a: b}}", "either a name or labels say which"),
        ("{kind: Secret, name: a, colour: red}", "colour is not a field"),
        ("{kind: secret, name: a}", "kind is missing, or none"),
        ("{name: a}", "kind is missing, or none"),
        ("{kind: Namespace, name: a, clusterwide: true}", "Namespace is never removed so"),
        ("{kind: PersistentVolumeClaim, name: a}", "PersistentVolumeClaim is never removed so"),
        ("{kind: Secret, name: 'a*'}", "name is none that Kubernetes takes"),
        ("{kind: Secret, name: a/b}", "name is none that Kubernetes takes"),
        ("{kind: Secret, name: ''}", "name is none that Kubernetes takes"),
        ("{kind: Secret, name: 'x{other}'}", "name is none that Kubernetes takes"),
        ("{kind: Secret, labels: {a: 'b,c'}}", "labels are none that Kubernetes takes"),
        ("{kind: Secret, labels: {a: 1}}", "labels are none that Kubernetes takes"),
        ("{kind: Secret, labels: [a]}", "labels are none that Kubernetes takes"),
        ("{kind: Secret, name: a, namespace: ''}", "namespace is none that Kubernetes takes"),
        ("{kind: Secret, name: a, namespace: x, clusterwide: true}", "what is clusterwide is in no namespace"),
        ("{kind: Secret, name: a, clusterwide: maybe}", "clusterwide is true or false"),
        ("{kind: Service, namespace: kube-system, labels: {a: b}}", "in kube-system, a name says which"),
        ("{kind: Lease, group: 'a/b', name: a}", "group is none"),
        ("Secret", "is no mapping"),
    ],
)  # fmt: skip
def test_what_could_be_anything_or_too_much_is_refused(made: str, said: str) -> None:
    found, problems = of(f"creates: [{made}]")
    assert found.creates == ()
    assert any(said in problem and problem.startswith("creates[0]") for problem in problems), problems


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"events": []}, "events are reasons of events"),
        ({"events": ["no word"]}, "events are reasons of events"),
        ({"mended": "RecordReady"}, "mended are reasons of events"),
        ({"source": "a,reason=b"}, "source says who reports"),
        ({"reason": "because"}, "reason is a word"),
        ({"responsible": "somebody"}, "responsible is one of user"),
        ({"remedy": ""}, "remedy says what to do"),
        ({"minutes": 0}, "minutes is a whole number"),
        ({"minutes": True}, "minutes is a whole number"),
        ({"field": 1}, "field is not a field"),
    ],
)
def test_a_rule_that_says_too_little_is_refused(change: dict[str, Any], said: str) -> None:
    rule = {"events": ["RecordError"], "source": "dns", "reason": "NamesNotWritten", "remedy": "Do it."}
    assert of({"health": [rule]})[1] == []
    found, problems = of({"health": [{**rule, **change}]})
    assert found.health == ()
    assert any(said in problem for problem in problems), problems


def test_everything_that_is_wrong_is_told_at_once() -> None:
    _, problems = of("""
      instances: three
      provides: [Big, a, a]
      requires: [shop, b, a]
      conflicts: b
      creates: [{kind: Secret}]
      leaves: ['']
      health: {}
    """)
    assert len(problems) == 9
    assert any("`instances: one`" in problem for problem in problems), "of one that names itself"
    assert any("provides a itself" in problem for problem in problems)
    assert of({"requires": ["b"], "conflicts": ["b"]})[1] == ["conflicts: it requires b"]


def test_the_terms_are_on_the_card() -> None:
    card = read(pack(ADDONS / "cert-manager")).card
    assert [str(made) for made in card.terms.created_by("cert-manager", "tls")] == [
        "Lease tls/cert-manager-controller",
        "Lease tls/cert-manager-cainjector-leader-election",
    ]
