"""Add-ons of one cluster: which may be there together, who is there first, and who may not go."""

from dataclasses import replace

import pytest
from tests.unit.domain.clusters import NOW

from navarch.domain.catalogue import Card
from navarch.domain.chosen import Chosen, ChosenStatus
from navarch.domain.neighbours import awaited, circle, lacking, needed_by, never_first, providers, unbearable
from navarch.domain.terms import Terms


def wish(entry: str, name: str = "", *, applied: bool = True, leaving: bool = False, **terms: object) -> Chosen:
    made = Chosen(name or entry, entry, "1.0.0", entry, "", terms=Terms(**terms))  # type: ignore[arg-type]
    status = ChosenStatus(applied="1 d 1.37.2") if applied else ChosenStatus()
    return replace(made, status=status, deletion_requested_at=NOW if leaving else None)


OPERATOR = wish("prometheus", provides=("monitoring.coreos.com",))
MONITORS = wish("shop", requires=("monitoring.coreos.com",))


def test_of_an_entry_that_is_alone_a_cluster_has_one() -> None:
    first, second = wish("logging", alone=True), wish("logging", "more", alone=True)
    assert list(unbearable(second, [first])) == ["a cluster has one add-on of logging at most, and logging is one"]
    assert list(unbearable(second, [replace(first, terms=Terms())])), "the newer version says so of both"
    assert not list(unbearable(first, [first])), "it bears itself"
    assert not list(unbearable(wish("web", "b"), [wish("web", "a")]))


@pytest.mark.parametrize("says", [0, 1])
def test_one_that_is_in_conflict_is_told_whoever_of_them_says_so(says: int) -> None:
    plain, other = wish("web"), wish("gate", provides=("ingress",))
    against = (replace(plain, terms=Terms(conflicts=("ingress",))), replace(other, terms=Terms(conflicts=("web",))))
    two = (against[0], other) if says == 0 else (plain, against[1])
    told = [list(unbearable(one, [beside])) for one, beside in (two, two[::-1])]
    assert all(len(said) == 1 and "cannot be in one cluster" in said[0] for said in told)
    going = replace(two[1], deletion_requested_at=NOW)
    assert list(unbearable(two[0], [going])), "one that is going is still there"
    assert not list(unbearable(plain, [other]))


def test_what_is_provided_for_others_is_no_conflict_with_oneself() -> None:
    one, two = (wish("web", name, provides=("ingress",), conflicts=("ingress",)) for name in ("a", "b"))
    assert not list(unbearable(one, [two]))


def test_what_is_required_is_an_entry_or_what_one_provides_and_does_not_go() -> None:
    assert lacking(MONITORS, []) == ("monitoring.coreos.com",)
    assert lacking(MONITORS, [OPERATOR]) == ()
    assert lacking(MONITORS, [replace(OPERATOR, deletion_requested_at=NOW)]) == ("monitoring.coreos.com",)
    assert lacking(wish("a", requires=("prometheus",)), [replace(OPERATOR, name="mine")]) == ()


def test_one_that_another_cannot_do_without_may_not_go_nor_lose_what_it_provides() -> None:
    assert needed_by(OPERATOR, [OPERATOR, MONITORS]) == ("shop",)
    assert needed_by(OPERATOR, [OPERATOR, MONITORS, replace(OPERATOR, name="second")]) == ()
    assert needed_by(OPERATOR, [OPERATOR, replace(MONITORS, deletion_requested_at=NOW)]) == ()
    assert needed_by(OPERATOR, [OPERATOR, MONITORS], as_=replace(OPERATOR, version="2.0.0")) == ()
    without = replace(OPERATOR, version="2.0.0", terms=Terms())
    assert needed_by(OPERATOR, [OPERATOR, MONITORS], as_=without) == ("shop",)
    lacks_all_the_same = replace(MONITORS, terms=Terms(requires=("other",)))
    assert needed_by(OPERATOR, [OPERATOR, lacks_all_the_same]) == ()


def test_what_is_required_comes_first_and_goes_last() -> None:
    coming = wish("prometheus", applied=False, provides=("monitoring.coreos.com",))
    assert "monitoring.coreos.com" in awaited(MONITORS, [coming, MONITORS])
    assert not awaited(coming, [coming, MONITORS])
    assert not awaited(MONITORS, [OPERATOR, MONITORS])
    going = [replace(one, deletion_requested_at=NOW) for one in (OPERATOR, MONITORS)]
    assert awaited(going[0], going) == "it goes after shop, which requires it"
    assert not awaited(going[1], going)
    assert not awaited(going[0], [going[0]])


def test_new_ones_that_would_wait_for_each_other_are_named() -> None:
    web, store = wish("web", requires=("store",)), wish("mine", requires=("web",), provides=("store",))
    behind, apart = wish("behind", requires=("web",)), wish("apart", requires=("nobody",))
    assert never_first([web, store, behind, apart, OPERATOR]) == ("web", "mine", "behind")
    assert never_first([web, store, behind, wish("other", provides=("store",))]) == ()
    assert never_first([apart, OPERATOR, MONITORS]) == (), "what is not there at all is told otherwise"


def card(name: str, *requires: str, provides: tuple[str, ...] = ()) -> Card:
    return Card(name, "1.0.0", name, "", "", "", "", name, terms=Terms(requires=requires, provides=provides))


def test_entries_that_require_each_other_are_named_in_their_circle() -> None:
    assert circle([card("a", "b"), card("b", "c-kinds"), card("c", "a", provides=("c-kinds",))]) == ("a", "b", "c", "a")
    assert circle([card("a", "b"), card("b", "c"), card("c"), card("d", "a", "c")]) == ()
    assert circle([card("a", "unknown")]) == ()
    either = [card("a", "store"), card("b", "a", provides=("store",)), card("c", provides=("store",))]
    assert circle(either) == (), "c will do"
    assert providers("store", either) == ("b", "c")
