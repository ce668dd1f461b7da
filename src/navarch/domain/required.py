"""Add-ons that every cluster has, as people see them beside those that it chose of the catalogue."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from navarch.domain.chosen import ChosenPhase
from navarch.domain.kube import Addon, KubeState
from navarch.domain.observed import Wanted


@dataclass(frozen=True, slots=True)
class RequiredAddon:
    """One of them. `version`: of what its pods run, as their images say; several while machines are replaced, empty
    where it has no pods. `message`: what is missing."""

    name: str
    phase: ChosenPhase
    version: str = ""
    message: str = ""


def required(kube: KubeState | None, wanted: Wanted, previous: tuple[RequiredAddon, ...]) -> tuple[RequiredAddon, ...]:
    """How each of them is. `kube`: None where the cluster did not answer; then they are as they were `previous`ly, and
    wait."""
    if kube is None:
        waits = "the cluster is off, or does not answer"
        return tuple(RequiredAddon(p.name, ChosenPhase.WAITING, p.version, waits) for p in previous)
    before = {p.name: p for p in previous}
    return tuple(_each(kube, dict(wanted.addons), before))


def _each(kube: KubeState, digests: Mapping[str, str], before: Mapping[str, RequiredAddon]) -> Iterator[RequiredAddon]:
    for addon in kube.addons:
        was = before.get(addon.name)
        is_new = was is None or was.phase is ChosenPhase.INSTALLING
        phase = _phase(addon, digests.get(addon.name, addon.digest), is_new=is_new)
        yield RequiredAddon(addon.name, phase, addon.version or (was.version if was else ""), addon.message)


def _phase(addon: Addon, wanted: str, *, is_new: bool) -> ChosenPhase:
    if addon.digest and addon.digest == wanted and addon.available:
        return ChosenPhase.READY
    if is_new:
        return ChosenPhase.INSTALLING
    if addon.digest and addon.digest != wanted:
        return ChosenPhase.UPGRADING
    return ChosenPhase.DEGRADED
