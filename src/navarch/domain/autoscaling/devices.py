"""Devices that a group's machines were to have, and that none of them ever showed: their plugin does not run, mostly.

A machine that was made for such a pod goes again when its time is over, and the same pod would bring the next. So the
group is asked for none for a while, the longer the more often it was in vain.
"""

from collections.abc import Collection, Iterable, Iterator
from dataclasses import replace
from datetime import datetime, timedelta

from navarch.domain.autoscaling.memory import SilentDevice
from navarch.domain.errors import Responsible
from navarch.domain.finding import Finding
from navarch.domain.kube import Node
from navarch.domain.machines import MachineTemplate
from navarch.domain.pods import Amounts

FIRST_WAIT, LONGEST_WAIT = timedelta(hours=1), timedelta(hours=24)  # a try costs a machine for half an hour, about


def waits_for(times: int) -> timedelta:
    """How long nothing is asked for after so many tries in vain."""
    return min(FIRST_WAIT * (1 << min(times - 1, 10)), LONGEST_WAIT)


def silent(
    group: str,
    template: MachineTemplate,
    promise: Amounts,
    nodes: Iterable[Node],
    young: Collection[str],
    known: Iterable[SilentDevice],
    now: datetime,
) -> Iterator[SilentDevice]:
    """The resources of which nothing is to be hoped for. `nodes`: the group's Ready ones that are made from this, with
    what they show; of the `young` ones it is not told yet. What a node shows, and what is promised otherwise or of
    other machines, is forgotten."""
    nodes, made_from = tuple(nodes), f"{template.flavor} {template.release.image_id}"
    late = sorted(node.name for node in nodes if node.name not in young and node.allocatable)
    before = {k.resource: k for k in known if k.group == group and k.made_from == made_from}
    for resource, amount in promise:
        if any(dict(node.allocatable).get(resource) for node in nodes):
            continue
        last = before.get(resource)
        if last is not None and last.amount != amount:
            last = None
        if late and last is not None and last.machine in late:
            yield replace(last, until=None)  # the same machine, not another try
        elif late and (last is None or last.until is not None):
            yield SilentDevice(group, resource, amount, made_from, late[0], last.times + 1 if last is not None else 1)
        elif last is not None:
            over = last.until is not None or bool(late)
            yield last if over else replace(last, until=now + waits_for(last.times))


def finding(device: SilentDevice) -> Finding:
    """What is wrong while pods that ask for it bring no machine, and what is done about it."""
    if device.until is None:
        hours = waits_for(device.times) / timedelta(hours=1)
        long = f"while that machine is there, and for {hours:g} h after it has gone"
    else:
        long = f"until {device.until:%Y-%m-%d %H:%M} UTC"
    return Finding(
        "DeviceNotShown",
        f"{device.group}: {device.machine} does not show {device.resource}, which its flavor or capacity promises. "
        f"Pods that ask for it bring no machine of the group {long}; then one is tried again, and at once when a "
        "machine of the group shows it",
        Responsible.USER,
        f"look whether the device plugin of {device.resource} runs on such machines; if they have no such device, take "
        "it from the group's capacity",
        late=None,
    )


def in_words(device: SilentDevice) -> str:
    """What is told when that begins, and what to do."""
    found = finding(device)
    return f"{found.message} ({found.responsible}: {found.remedy})"
