"""Plans as logs that a person can read: one line a step."""

from navarch.domain.openstack.steps import CreateServer, EnsureLoadBalancer, EnsureRouter, Remove
from navarch.domain.steps import RecordMachine, Step


def line(step: Step) -> str:
    """`CreateServer shop-3f2a91bc-cp-0 in z1`."""
    name = getattr(step, "name", "")
    match step:
        case CreateServer(zone=zone) | RecordMachine(zone=zone):
            detail = f"in {zone}"
        case Remove(kind=kind, why=why):
            return f"Remove {kind} {name}: {why}"
        case EnsureRouter(subnet_id=subnet_id):
            detail = "with its interface" if subnet_id else ""
        case EnsureLoadBalancer(members=members):
            detail = f"to {len(members)} members"
        case _:
            detail = ""
    return " ".join(word for word in (type(step).__name__, name, detail) if word)


def log(steps: tuple[Step, ...]) -> str:
    """The whole story."""
    return "".join(f"{line(step)}\n" for step in steps)
