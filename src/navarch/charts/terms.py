"""The terms of an entry (`navarch.domain.terms`) as its `navarch.yaml` has them, and all that is wrong with them.

instances: one                            # of a cluster; many, if nothing is said
provides: [monitoring.coreos.com]         # by what others may require it, beside its name
requires: [store]                         # entries, or what entries provide
conflicts: [other-store]
creates:                                  # what its programs make
- {group: coordination.k8s.io, kind: Lease, name: "{name}-leader"}
leaves: ["Names that it wrote, in the name server."]
health:                                   # events of programs that run and cannot work
- {events: [RecordError], mended: [RecordReady], source: external-dns, minutes: 5,
   reason: NamesNotWritten, responsible: user, remedy: Give it the right key.}
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from navarch.domain.errors import Responsible
from navarch.domain.terms import NAME, NAMESPACE, Created, EventsRule, Terms

FIELDS = frozenset({"instances", "provides", "requires", "conflicts", "creates", "leaves", "health"})
_NAME = re.compile(r"[a-z]([-a-z0-9.]{0,61}[a-z0-9])?")
_OBJECT = re.compile(r"[a-z0-9]([-a-z0-9.:]{0,251}[a-z0-9])?")
_KIND = re.compile(r"[A-Z][A-Za-z0-9]{0,62}")
_GROUP = re.compile(r"[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?")
_LABEL = re.compile(r"([a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?/)?[A-Za-z0-9]([-_.A-Za-z0-9]{0,61}[A-Za-z0-9])?")
_VALUE = re.compile(r"[A-Za-z0-9]([-_.A-Za-z0-9]{0,61}[A-Za-z0-9])?")
_WORD = re.compile(r"[A-Z][A-Za-z0-9]{2,59}")
_SOURCE = re.compile(r"[A-Za-z0-9]([-_./A-Za-z0-9]{0,61}[A-Za-z0-9])?")
_MOST_NAMES, _MOST_CREATED, _MOST_PHRASES, _MOST_RULES, _MOST_REASONS, _LONGEST = 20, 50, 10, 3, 3, 200
_LONGEST_WAIT = 60  # minutes: as long as an API server keeps events
_NEVER_REMOVED = frozenset(
    {"Namespace", "CustomResourceDefinition", "PersistentVolumeClaim", "PersistentVolume", "Node", "VolumeSnapshot"}
)
"""With these, what is somebody else's would go, or data."""
_CREATED = frozenset({"group", "kind", "namespace", "name", "labels", "clusterwide"})
_HEALTH = frozenset({"events", "mended", "source", "minutes", "reason", "responsible", "remedy"})


def read(entry: str, more: Mapping[str, Any], problems: list[str]) -> Terms:
    """The terms of an entry of this name. What is wrong joins `problems`."""
    wrong: list[str] = []
    instances = more.get("instances", "many")
    if instances not in ("one", "many"):
        wrong.append("instances is one or many")
    provides, requires, conflicts = (
        tuple(_names(more.get(field), field, entry, wrong)) for field in ("provides", "requires", "conflicts")
    )
    wrong += [f"requires: it provides {name} itself" for name in sorted({*provides} & {*requires})]
    wrong += [f"conflicts: it requires {name}" for name in sorted({*conflicts} & {*requires})]
    terms = Terms(
        alone=instances == "one",
        provides=provides,
        requires=requires,
        conflicts=conflicts,
        creates=tuple(_creates(more.get("creates"), wrong)),
        leaves=tuple(_phrases(more.get("leaves"), wrong)),
        health=tuple(_health(more.get("health"), wrong)),
    )
    problems += [f"navarch.yaml: {said}" for said in wrong]
    return terms


def _list(said: Any, field: str, most: int, wrong: list[str]) -> list[Any]:
    if said is None:
        return []
    if not isinstance(said, list) or len(said) > most:
        wrong.append(f"{field} is a list of {most} at most")
        return []
    return said


def _names(said: Any, field: str, entry: str, wrong: list[str]) -> Iterator[str]:
    seen: set[str] = set()
    for name in _list(said, field, _MOST_NAMES, wrong):
        if not _fits(_NAME, name):
            wrong.append(f"{field}: {str(name)[:80]!r} is no name: small letters, digits, dashes and dots")
        elif name == entry:
            wrong.append(f"{field}: {name} is the entry itself; that a cluster has one at most is `instances: one`")
        elif name in seen:
            wrong.append(f"{field}: {name} stands there twice")
        else:
            seen.add(name)
            yield name


def _phrases(said: Any, wrong: list[str]) -> Iterator[str]:
    for phrase in _list(said, "leaves", _MOST_PHRASES, wrong):
        if isinstance(phrase, str) and 0 < len(phrase) <= _LONGEST:
            yield phrase
        else:
            wrong.append(f"leaves: a phrase of {_LONGEST} characters at most, not {str(phrase)[:80]!r}")


def _creates(said: Any, wrong: list[str]) -> Iterator[Created]:
    for number, made in enumerate(_list(said, "creates", _MOST_CREATED, wrong)):
        at = f"creates[{number}]"
        if not isinstance(made, dict):
            wrong.append(f"{at} is no mapping")
            continue
        labels = made.get("labels") or {}
        faults = [f"{at}: {fault}" for fault in _faults_of_created(made, labels)]
        wrong += faults
        if not faults:
            yield Created(
                kind=made["kind"],
                group=made.get("group", ""),
                namespace="" if made.get("clusterwide") else made.get("namespace", NAMESPACE),
                name=made.get("name", ""),
                labels=tuple(sorted(labels.items())),
                clusterwide=bool(made.get("clusterwide", False)),
            )


def _faults_of_created(made: Mapping[str, Any], labels: Any) -> Iterator[str]:
    yield from (f"{field} is not a field" for field in sorted(set(map(str, made)) - _CREATED))
    if not _fits(_KIND, made.get("kind")):
        yield "kind is missing, or none"
    elif made["kind"] in _NEVER_REMOVED:
        yield f"{made['kind']} is never removed so: with it, what is somebody else's would go"
    if made.get("group", "") != "" and not _fits(_GROUP, made["group"]):
        yield "group is none"
    if ("name" in made) == bool(labels):
        yield "either a name or labels say which"
    if "name" in made and not _fits(_OBJECT, _filled(made["name"])):
        yield "name is none that Kubernetes takes"
    if not isinstance(labels, dict) or not all(_fits(_LABEL, k) and _fits(_VALUE, _filled(labels[k])) for k in labels):
        yield "labels are none that Kubernetes takes"
    if not isinstance(made.get("clusterwide", False), bool):
        yield "clusterwide is true or false"
    where = made.get("namespace", NAMESPACE)
    if not _fits(_OBJECT, _filled(where)):
        yield "namespace is none that Kubernetes takes"
    elif made.get("clusterwide") and "namespace" in made:
        yield "what is clusterwide is in no namespace"
    elif where.startswith("kube-") and labels:
        yield f"in {where}, a name says which: others' objects are there"


def _filled(said: Any) -> Any:
    """With a name for each of what stands for one."""
    return said.replace(NAME, "a").replace(NAMESPACE, "a") if isinstance(said, str) else said


def _health(said: Any, wrong: list[str]) -> Iterator[EventsRule]:
    for number, rule in enumerate(_list(said, "health", _MOST_RULES, wrong)):
        at = f"health[{number}]"
        if not isinstance(rule, dict):
            wrong.append(f"{at} is no mapping")
            continue
        faults = [f"{at}: {fault}" for fault in _faults_of_health(rule)]
        wrong += faults
        if not faults:
            yield EventsRule(
                events=tuple(rule["events"]),
                source=rule["source"],
                reason=rule["reason"],
                responsible=rule.get("responsible", Responsible.USER.value),
                remedy=rule["remedy"],
                mended=tuple(rule.get("mended") or ()),
                minutes=rule.get("minutes", 5),
            )


def _faults_of_health(rule: Mapping[str, Any]) -> Iterator[str]:
    yield from (f"{field} is not a field" for field in sorted(set(map(str, rule)) - _HEALTH))
    for field, least in (("events", 1), ("mended", 0)):
        reasons = rule.get(field) or []
        fits = isinstance(reasons, list) and least <= len(reasons) <= _MOST_REASONS
        if not fits or not all(_fits(_WORD, reason) for reason in reasons):
            yield f"{field} are reasons of events, {_MOST_REASONS} at most"
    if not _fits(_SOURCE, rule.get("source")):
        yield "source says who reports the events"
    if not _fits(_WORD, rule.get("reason")):
        yield "reason is a word such as NamesNotWritten"
    if rule.get("responsible", Responsible.USER.value) not in tuple(Responsible):
        yield f"responsible is one of {', '.join(Responsible)}"
    if not isinstance(rule.get("remedy"), str) or not 0 < len(rule["remedy"]) <= _LONGEST:
        yield f"remedy says what to do, in {_LONGEST} characters at most"
    minutes = rule.get("minutes", 5)
    if type(minutes) is not int or not 1 <= minutes <= _LONGEST_WAIT:
        yield f"minutes is a whole number from 1 to {_LONGEST_WAIT}"


def _fits(pattern: re.Pattern[str], said: Any) -> bool:
    return isinstance(said, str) and pattern.fullmatch(said) is not None
