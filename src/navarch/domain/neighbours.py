"""What add-ons of one cluster need of each other and do not bear: who may come, who may go, and in which order.

An add-on is known to others by its entry's name and by what the entry says it provides. Pure.
"""

from collections.abc import Collection, Iterable, Iterator, Sequence

from navarch.domain.catalogue import Card
from navarch.domain.chosen import Chosen


def names_of(wish: Chosen) -> frozenset[str]:
    """By what others require it, or do not bear it."""
    return frozenset((wish.entry, *wish.terms.provides))


def unbearable(wish: Chosen, others: Iterable[Chosen]) -> Iterator[str]:
    """Why it cannot be in one cluster with others, each in a sentence. One that is going is still there."""
    for other in others:
        if other.name == wish.name:
            continue
        if other.entry == wish.entry:
            if wish.terms.alone or other.terms.alone:
                yield f"a cluster has one add-on of {wish.entry} at most, and {other.name} is one"
            continue
        common = {*(names_of(other) & {*wish.terms.conflicts}), *(names_of(wish) & {*other.terms.conflicts})}
        if common:
            what = "" if min(common) in (wish.entry, other.entry) else f" ({min(common)})"
            yield f"{wish.entry} cannot be in one cluster with {other.entry}{what}: add-on {other.name}"


def lacking(wish: Chosen, others: Iterable[Chosen]) -> tuple[str, ...]:
    """What it requires and none of the others that stay has."""
    there = frozenset[str]().union(*(names_of(o) for o in others if o.name != wish.name and not o.leaving))
    return tuple(name for name in wish.terms.requires if name not in there)


def never_first(wishes: Iterable[Chosen]) -> tuple[str, ...]:
    """Names of those of a new cluster that would wait for each other for ever, though each has what it requires among
    them: of entries' versions any can be chosen, and one with several providers has the one that was."""
    waiting, there = list(wishes), list[Chosen]()
    met = {wish.name for wish in waiting if not lacking(wish, waiting)}
    while ready := [wish for wish in waiting if not lacking(wish, there)]:
        there += ready
        waiting = [wish for wish in waiting if wish not in ready]
    return tuple(wish.name for wish in waiting if wish.name in met)


def needed_by(wish: Chosen, others: Collection[Chosen], *, as_: Chosen | None = None) -> tuple[str, ...]:
    """Names of the others that stay and would lack something without it, or with it `as_` another version."""
    beside = [o for o in others if o.name != wish.name]
    after = beside if as_ is None else [*beside, as_]
    without = (o for o in beside if not o.leaving and set(lacking(o, after)) & names_of(wish))
    return tuple(o.name for o in without)


def awaited(wish: Chosen, others: Sequence[Chosen]) -> str:
    """What is to be before it comes, or before it goes, in words; empty where nothing is. One that is required comes
    first and goes last."""
    if wish.leaving:
        held = [o for o in others if o.name != wish.name and names_of(wish) & {*o.terms.requires}]
        stays = [o for o in others if o.name != wish.name and not o.leaving]
        last = [o.name for o in held if names_of(wish) & {*lacking(o, stays)}]
        return f"it goes after {', '.join(last)}, which {_requires(last)} it" if last else ""
    ready = [o for o in others if o.status.applied]
    missing = lacking(wish, ready)
    return f"it comes after what it requires: {', '.join(missing)}" if missing else ""


def providers(name: str, cards: Iterable[Card]) -> tuple[str, ...]:
    """Names of the entries that have what is called so."""
    return tuple(sorted({card.name for card in cards if name in (card.name, *card.terms.provides)}))


def circle(cards: Collection[Card]) -> tuple[str, ...]:
    """Entries that require each other in a circle, the first one again at the end; none: there is no such. What has
    several providers can be had without any one of them, and closes no circle."""
    needs = {
        card.name: [one for name in card.terms.requires for one in _only(providers(name, cards))] for card in cards
    }
    done: set[str] = set()

    def walk(name: str, way: tuple[str, ...]) -> tuple[str, ...]:
        if name in way:
            return (*way[way.index(name) :], name)
        if name in done:
            return ()
        found = next(filter(None, (walk(other, (*way, name)) for other in needs[name])), ())
        done.add(name)
        return found

    return next(filter(None, (walk(name, ()) for name in sorted(needs))), ())


def _only(names: tuple[str, ...]) -> tuple[str, ...]:
    return names if len(names) == 1 else ()


def _requires(names: Collection[str]) -> str:
    return "requires" if len(names) == 1 else "require"
