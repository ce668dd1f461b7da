"""Kubernetes' selectors, of labels and of nodes, as values."""

from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from navarch.addons import foreign
from navarch.domain.pods import NodeTerm, PodSelector, Requirement

Seen = Mapping[str, Any]
_MOST = 100  # of each: labels, terms, expressions


def selector_of(selector: Seen | None) -> PodSelector | None:
    """A label selector; None where there is none."""
    if selector is None:
        return None
    labels = (Requirement(key, "In", (value,)) for key, value in pairs(selector.get("matchLabels") or {}))
    return PodSelector((*labels, *requirements_of(selector.get("matchExpressions"))))


def node_terms(selector: Seen | None) -> tuple[NodeTerm, ...] | None:
    """The terms of a node selector; None where there is none."""
    if selector is None:
        return None
    return tuple(
        NodeTerm(requirements_of(term.get("matchExpressions")), requirements_of(term.get("matchFields")))
        for term in selector.get("nodeSelectorTerms", ())[:_MOST]
    )


def requirements_of(said: Any) -> tuple[Requirement, ...]:
    """Expressions of a selector."""
    return tuple(
        Requirement(safe(one["key"]), safe(one["operator"]), tuple(safe(v) for v in one.get("values") or ()))
        for one in (said or ())[:_MOST]
    )


def pairs(said: Seen) -> tuple[tuple[str, str], ...]:
    """Labels, sorted."""
    return tuple(sorted((safe(key), safe(value)) for key, value in list(said.items())[:_MOST]))


@lru_cache(maxsize=16384)
def safe(said: object) -> str:
    """A text; most pods of a cluster say the same ones."""
    return foreign.text(said)
