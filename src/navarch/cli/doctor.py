"""`navarch doctor`: a cloud is checked before first use. Each line says ok, warn or fail, and what to do."""

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Annotated, Any

import typer

from navarch.cli.exits import Exit
from navarch.cli.options import OutputOption, new_app
from navarch.cli.output import Output, emit_data
from navarch.cli.session import Target
from navarch.client.errors import ClientError

if TYPE_CHECKING:
    from navarch.doctor.finding import Finding

app = new_app("Check a cloud before first use, and say what to fix.")


@app.command()
def doctor(
    ctx: typer.Context,
    provider: Annotated[str, typer.Option(metavar="NAME", help="Balancer provider that Navarch is to use.")] = "ovn",
    output: OutputOption = Output.TABLE,
) -> None:
    """Check a cloud before first use, and say what to fix.

    With your own credentials: whether a first cluster can be made in your project. With an operator's (role admin) also
    hosts, agents and what Navarch needs in Keystone. Exit code 1 if something would keep a cluster from being made.
    """
    import os

    from navarch.doctor.finding import show

    target: Target = ctx.find_object(Target) or Target()
    findings: list[Finding] = []
    for finding in examine(target, provider, os.environ):
        findings.append(finding)
        if output is Output.TABLE:
            show(finding)
    levels = [f.level.value for f in findings]
    if output is Output.TABLE:
        counts = ", ".join(f"{levels.count(word)} {word}" for word in ("ok", "warn", "fail"))
        print(f"\n{counts}." + ("" if "fail" in levels else " A cluster can be made: navarch cluster create NAME"))
    elif output is Output.NAME:
        for finding in findings:
            print(f"{finding.level} {finding.subject}")
    else:
        emit_data(
            [{"level": f.level.value, "subject": f.subject, "detail": f.detail, "fix": f.fix} for f in findings], output
        )
    if "fail" in levels:
        raise typer.Exit(Exit.FAILED)


def examine(target: Target, provider: str, environ: Any) -> "Iterator[Finding]":
    """All checks in order; one that breaks is a finding and does not keep the others from being made."""
    from navarch.client.connect import tls_context
    from navarch.client.credentials import find_credentials
    from navarch.client.keystone import SERVICE_TYPE, Keystone
    from navarch.doctor import customer, operator, service
    from navarch.doctor.cloud import SERVICES, Cloud
    from navarch.doctor.finding import fail, ok, warn
    from navarch.doctor.tls import check_tls

    try:
        credentials = find_credentials(target.cloud, target.region, environ)
        cloud = Cloud(Keystone(credentials))
        token = cloud.token()
    except ClientError as error:
        yield fail("credentials", error.message, "Correct clouds.yaml or the OS_* variables; then run this again.")
        return
    named = f"cloud {credentials.cloud} of " if credentials.cloud else ""
    yield ok("credentials", f"{named}{credentials.source}, {credentials.auth.get('auth_url', '')}")
    yield customer.role(token)
    unknown = customer.unknown_region(credentials.region, cloud.keystone.regions())
    if unknown is not None:
        yield unknown
        return  # nothing can be found there
    urls = {name: url for service_, (name, _, _) in SERVICES.items() if (url := cloud.keystone.address(service_))}
    override = target.endpoint or environ.get("NAVARCH_ENDPOINT")
    if own := override or cloud.keystone.address(SERVICE_TYPE):
        urls["Navarch"] = own
    yield check_tls(urls, tls_context(credentials, environ), verify=credentials.verify)
    ahead = cloud.clock_ahead()
    if ahead is not None and abs(ahead) > 30:
        yield warn("clock", f"the cloud's is {ahead:.0f} s ahead of this machine's", "Set this machine's clock (NTP).")
    broken = set()
    for finding in customer.services(cloud):
        yield finding
        if finding.level.value == "fail":
            broken.add(finding.subject.split()[0])
    disk = 0

    def image() -> "Iterator[Finding]":
        nonlocal disk
        finding, disk = customer.image(cloud)
        yield finding

    checks: list[tuple[str, set[str], Callable[[], Iterator[Finding]]]] = [
        ("node image", {"Glance"}, image),
        ("quota", {"Nova", "Cinder", "Neutron", "Octavia"}, lambda: customer.quota(cloud, token, disk)),
        ("networks", {"Neutron"}, lambda: customer.networking(cloud)),
        ("balancer provider", {"Octavia"}, lambda: iter([customer.balancers(cloud, provider)])),
        ("zones", {"Nova", "Cinder"}, lambda: customer.zones(cloud)),
    ]
    if token.operator:
        checks.append(("hosts", {"Nova", "Neutron", "Cinder"}, lambda: operator.hosts(cloud)))
        checks.append(("Keystone", {"Keystone"}, lambda: operator.keystone(cloud)))
    checks.append(("Navarch", set(), lambda: service.navarch(cloud.keystone, override, environ)))
    for subject, uses, check in checks:
        if uses & broken:
            lacking = ", ".join(sorted(uses & broken))
            yield warn(subject, f"not checked: {lacking} does not answer", f"Make {lacking} work first.")
            continue
        yield from _guarded(subject, check)


def _guarded(subject: str, check: "Callable[[], Iterator[Finding]]") -> "Iterator[Finding]":
    from navarch.doctor.cloud import Refused
    from navarch.doctor.finding import fail

    try:
        yield from check()
    except (Refused, ClientError) as error:
        yield fail(subject, error.message, "Operator: this request was refused; look at the service's policy and log.")
    except (KeyError, TypeError, IndexError) as error:  # a service answered in a shape we do not know
        yield fail(subject, f"an answer was not understood ({error!r})", "Please report this with the cloud's version.")
