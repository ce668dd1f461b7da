"""What numbers, shares, times and names of a wish may be, each by itself. Every function yields what is wrong, with the
field that it is wrong in."""

import re
from collections.abc import Iterator, Mapping
from zoneinfo import available_timezones

from navarch.domain.calendar import DAYS, MaintenanceWindow, Schedule
from navarch.domain.errors import FieldError
from navarch.domain.shares import Share, percent_of
from navarch.domain.spec import EXPANDERS, Autoscaling, ClusterSpec, ControlPlaneSpec, NodeGroupSpec, Spare
from navarch.domain.syntax import wrong_extended_resource, wrong_label_key

_DAY = 24 * 3600
_REPAIR = (60, _DAY)  # sooner, a kubelet that restarts or a switch that reboots would cost a machine
_OF_CLUSTER: Mapping[str, tuple[int, int]] = {"soak_seconds": (0, _DAY), "groups_at_once": (1, 20)}
_OF_CONTROL_PLANE: Mapping[str, tuple[int, int]] = {"repair_after_seconds": _REPAIR}
_OF_GROUP: Mapping[str, tuple[int, int]] = {"drain_timeout_seconds": (0, 7 * _DAY), "repair_after_seconds": _REPAIR}
_OF_AUTOSCALING: Mapping[str, tuple[int, int]] = {
    "unneeded_seconds": (60, _DAY),
    "utilization_threshold": (1, 100),
    "priority": (-1000, 1000),
    "max_provision_seconds": (300, _DAY),  # sooner, a machine of a cloud that is slow would be given up while it comes
}
_OF_SPARE: Mapping[str, tuple[int, int]] = {"cpu_millicores": (0, 1_000_000), "memory_mib": (0, 16 << 20)}
_KEPT, _KEPT_HOURS = (0, 10), (1, 30 * 24)
_MOST_CONDITIONS = 10
_MOST_RESOURCES, _MOST_OF_A_RESOURCE = 10, 10_000
_NO_PLACE = ("localtime", "Factory")  # names of the database's files: of each machine's own clock, and of none
_TIME = re.compile(r"([01][0-9]|2[0-3]):[0-5][0-9]")


def wrong_cluster(field: str, spec: ClusterSpec) -> Iterator[FieldError]:
    """How a cluster's machines are replaced, and when it runs."""
    yield from _numbers(field, spec, _OF_CLUSTER)
    if spec.expander not in EXPANDERS:
        yield FieldError(f"{field}expander", f"must be one of {', '.join(EXPANDERS)}, got {spec.expander[:40]!r}")
    if spec.schedule is not None:
        yield from _wrong_schedule(f"{field}schedule", spec.schedule)
    if spec.maintenance is not None:
        yield from _wrong_window(f"{field}maintenance", spec.maintenance)


def wrong_control_plane(field: str, spec: ControlPlaneSpec) -> Iterator[FieldError]:
    """How its machines are repaired."""
    yield from _numbers(field, spec, _OF_CONTROL_PLANE)


def wrong_node_group(field: str, spec: NodeGroupSpec) -> Iterator[FieldError]:
    """How its machines are drained and repaired."""
    yield from _numbers(field, spec, _OF_GROUP)
    yield from _between(f"{field}keep_failed_machines.count", spec.keep_failed_machines.count, _KEPT)
    yield from _between(f"{field}keep_failed_machines.hours", spec.keep_failed_machines.hours, _KEPT_HOURS)
    yield from wrong_share(f"{field}max_unhealthy", spec.max_unhealthy, 100)
    yield from _wrong_conditions(f"{field}repair_conditions", spec.repair_conditions)


def wrong_autoscaling(field: str, limits: Autoscaling, replicas: int, most: int) -> Iterator[FieldError]:
    """Limits of a number of machines, and that number. `most`: what no limit may be above."""
    at = f"{field}autoscaling"
    lower, upper = f"{at}.min", f"{at}.max"
    wrong = (*_between(lower, limits.min, (0, most)), *_between(upper, limits.max, (1, most)))
    if not wrong and limits.min > limits.max:
        wrong = (FieldError(lower, f"must not be above max, which is {limits.max}, got {limits.min}"),)
    yield from wrong
    if not wrong and not limits.min <= replicas <= limits.max:
        within = f"must be within the limits of autoscaling, {limits.min} to {limits.max}, got {replicas}"
        yield FieldError(f"{field}replicas", f"{within}: ask for other limits, or leave it to Navarch")
    yield from _numbers(f"{at}.", limits, _OF_AUTOSCALING)
    yield from _wrong_capacity(f"{at}.capacity", limits.capacity)
    yield from _wrong_spare(f"{at}.spare", limits.spare, most)


def wrong_size_of_spare(field: str, spare: Spare, cpu_millicores: int, memory_mib: int) -> Iterator[FieldError]:
    """What one pod may ask for, so that a machine has room for it: a machine leaves so much to pods."""
    at = f"{field}autoscaling.spare"
    if spare.cpu_millicores > cpu_millicores:
        least = f"a machine of the group leaves {cpu_millicores} to pods, got {spare.cpu_millicores}"
        yield FieldError(f"{at}.cpu_millicores", f"must fit onto one machine: {least}")
    if spare.memory_mib > memory_mib:
        least = f"a machine of the group leaves {memory_mib} to pods, got {spare.memory_mib}"
        yield FieldError(f"{at}.memory_mib", f"must fit onto one machine: {least}")


def wrong_share(field: str, share: Share, most: int) -> Iterator[FieldError]:
    """A number of machines up to `most`, or percent."""
    if isinstance(share, int):
        yield from _between(field, share, (0, most))
    elif percent_of(share) is None:
        yield FieldError(field, f"must be a number or percent, as 25%, got {share[:40]!r}")


def _numbers(field: str, spec: object, bounds: Mapping[str, tuple[int, int]]) -> Iterator[FieldError]:
    for name, between in bounds.items():
        yield from _between(f"{field}{name}", getattr(spec, name), between)


def _between(field: str, number: int, bounds: tuple[int, int]) -> Iterator[FieldError]:
    if not bounds[0] <= number <= bounds[1]:
        yield FieldError(field, f"must be between {bounds[0]} and {bounds[1]}, got {number}")


def _wrong_conditions(field: str, types: tuple[str, ...]) -> Iterator[FieldError]:
    if len(types) > _MOST_CONDITIONS:
        yield FieldError(field, f"must be at most {_MOST_CONDITIONS}, got {len(types)}")
    for index, type_ in enumerate(types[:_MOST_CONDITIONS]):
        at, wrong = f"{field}[{index}]", wrong_label_key(type_)  # conditions are written as labels' keys are
        if wrong is not None:
            yield FieldError(at, wrong)
        elif type_ == "Ready":
            yield FieldError(at, "Ready is always looked at: a node without it is not healthy")
        elif type_ in types[:index]:
            yield FieldError(at, f"{type_!r} is listed twice")


def _wrong_capacity(field: str, capacity: tuple[tuple[str, str], ...]) -> Iterator[FieldError]:
    if len(capacity) > _MOST_RESOURCES:
        yield FieldError(field, f"must be at most {_MOST_RESOURCES}, got {len(capacity)}")
    for resource, amount in capacity[:_MOST_RESOURCES]:
        wrong = wrong_extended_resource(resource)
        if wrong is not None:
            yield FieldError(field, wrong)
        if not re.fullmatch(r"[0-9]{1,5}", amount) or not 1 <= int(amount) <= _MOST_OF_A_RESOURCE:
            yield FieldError(
                field, f"{resource[:80]}: must be between 1 and {_MOST_OF_A_RESOURCE}, got {amount[:40]!r}"
            )


def _wrong_spare(field: str, spare: Spare, most: int) -> Iterator[FieldError]:
    yield from _between(f"{field}.replicas", spare.replicas, (0, most))
    yield from _numbers(f"{field}.", spare, _OF_SPARE)
    if spare.replicas and not spare.cpu_millicores and not spare.memory_mib:
        yield FieldError(field, "must ask for CPU or memory: cpu_millicores and memory_mib are 0")


def _wrong_schedule(field: str, schedule: Schedule) -> Iterator[FieldError]:
    yield from _wrong_time(f"{field}.start", schedule.start)
    yield from _wrong_time(f"{field}.stop", schedule.stop)
    if schedule.start and schedule.start == schedule.stop:
        yield FieldError(f"{field}.stop", "must be another time than start")
    yield from _wrong_days(field, schedule.days, schedule.timezone)


def _wrong_window(field: str, window: MaintenanceWindow) -> Iterator[FieldError]:
    yield from _wrong_time(f"{field}.start", window.start)
    yield from _between(f"{field}.hours", window.hours, (1, 24))
    yield from _wrong_days(field, window.days, window.timezone)


def _wrong_time(field: str, text: str) -> Iterator[FieldError]:
    if not _TIME.fullmatch(text):
        yield FieldError(field, f"must be a time of the day, as 08:00, got {text[:40]!r}" if text else "is required")


def _wrong_days(field: str, days: tuple[str, ...], timezone: str) -> Iterator[FieldError]:
    if not days:
        yield FieldError(f"{field}.days", "must have at least one day")
    for index, day in enumerate(days[: 2 * len(DAYS)]):
        if day not in DAYS:
            yield FieldError(f"{field}.days[{index}]", f"must be one of {', '.join(DAYS)}, got {day[:40]!r}")
        elif day in days[:index]:
            yield FieldError(f"{field}.days[{index}]", f"{day!r} is listed twice")
    if timezone in _NO_PLACE or timezone not in available_timezones():
        yield FieldError(f"{field}.timezone", f"{timezone[:60]!r} is no time zone, as Europe/Berlin or UTC")
