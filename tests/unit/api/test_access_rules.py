"""Which requests a token may make whose application credential has access rules."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from navarch.api.access_rules import SERVICE_TYPE, AccessRule, path_matches, permit
from navarch.client import keystone


@pytest.mark.parametrize(
    ("pattern", "path", "matches"),
    [
        ("/kaas/v1/clusters", "/kaas/v1/clusters", True),
        ("/kaas/v1/clusters", "/kaas/v1/clusters/", False),
        ("/kaas/v1/clusters", "/kaas/v1/cluster", False),
        ("/kaas/v1/clusters/*", "/kaas/v1/clusters/shop", True),
        ("/kaas/v1/clusters/{id}", "/kaas/v1/clusters/shop", True),
        ("/kaas/v1/clusters/*", "/kaas/v1/clusters/shop/events", False),
        ("/kaas/v1/clusters/*", "/kaas/v1/clusters/", False),
        ("/kaas/v1/clusters/*/events", "/kaas/v1/clusters/shop/events", True),
        ("/kaas/v1/clusters/sh*", "/kaas/v1/clusters/shop", True),
        ("/kaas/v1/clusters/**", "/kaas/v1/clusters/shop/events", True),
        ("/kaas/v1/clusters/**", "/kaas/v1/clusters/", True),
        ("/kaas/v1/clusters**", "/kaas/v1/clusters", True),
        ("/**/events", "/kaas/v1/clusters/shop/events", True),
        ("/**/events", "/kaas/v1/clusters/shop", False),
        ("**", "/anything/at/all", True),
        ("", "/", False),
        ("/kaas/v1/.lusters", "/kaas/v1/clusters", False),
        ("/a{b", "/a{b", True),
    ],
)
def test_a_pattern_stands_for_the_whole_path(pattern: str, path: str, matches: bool) -> None:
    assert path_matches(pattern, path) is matches


@given(st.text("/ab*", max_size=8), st.text("/ab", max_size=8))
def test_it_is_as_the_regular_expression_of_keystonemiddleware(pattern: str, path: str) -> None:
    parts = {"**": ".*", "*": "[^/]+"}
    expression = "".join(parts.get(part, part) for part in re.findall(r"\*\*|.", pattern))
    assert path_matches(pattern, path) is bool(re.fullmatch(expression, path))


def test_a_pattern_that_a_regular_expression_would_try_for_ever_is_matched() -> None:
    assert not path_matches("**a" * 80 + "b", "/" + "a" * 2000)


def test_a_rule_is_for_one_service_and_one_method() -> None:
    rules = (AccessRule("compute", "GET", "/**"), AccessRule(SERVICE_TYPE, "GET", "/kaas/v1/**"))
    assert permit(rules, "GET", "/kaas/v1/clusters")
    assert not permit(rules, "DELETE", "/kaas/v1/clusters/shop")
    assert not permit(rules, "GET", "/other")
    assert not permit((), "GET", "/kaas/v1/clusters")


def test_the_service_is_known_by_one_type() -> None:
    assert keystone.SERVICE_TYPE == SERVICE_TYPE
