"""Deliberate faults in Navarch's own code, one at a time. Each must be caught by a broken promise, or the checks are
worth nothing.

A mutation replaces words in one function (`module:function`) or one named query (`sql:name`).
"""

import inspect
import json
import multiprocessing
import sys
import textwrap
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from types import FunctionType
from typing import Any

from tests.chaos import scripted, scripted_autoscaling
from tests.chaos.database import connect
from tests.chaos.run import run
from tests.chaos.scripted import Script
from tests.chaos.weather import STORM, Weather

from navarch.store import queries

SEEDS = 40  # at most, for each


@dataclass(frozen=True)
class Mutation:
    """`what` is the fault in words. `weather`: the faults under which it shows (default: all of them). `first`: the first
    seed to try, where few stories show it. `promise`: the one that has to notice it (default: any). `script`: the story
    that shows it, instead of those from seeds."""

    what: str
    where: str
    old: str
    new: str
    weather: Weather | None = None
    first: int = 0
    promise: str = ""
    script: Script | None = None


DOMAIN, OPENSTACK = "navarch.domain", "navarch.domain.openstack"
MACHINES, DELETION, TIDY = f"{DOMAIN}.plan.machines", f"{OPENSTACK}.deletion", f"{OPENSTACK}.tidy"
GROUPS, PLACES, LEAVING, HEALTH = (
    f"{DOMAIN}.plan.node_groups",
    f"{DOMAIN}.plan.control_plane",
    f"{DOMAIN}.plan.leaving",
    f"{DOMAIN}.health",
)
FINDINGS, CONDITIONS, TIMELINE = f"{DOMAIN}.findings", f"{DOMAIN}.conditions", f"{DOMAIN}.timeline"
EXECUTORS, CYCLE = "navarch.reconcile.executors", "navarch.reconcile.cycle"
ADAPTER, AUTOSCALING = "navarch.clouds.openstack", f"{DOMAIN}.autoscaling"
# This one shows only in a storm that is longer than a deadline and has a balancer that stays pending: a test of its own.
SILENCE = Mutation("nobody is responsible for an overdue condition", f"{CONDITIONS}:_condition", "finding.responsible is None and now > deadline", "False")  # fmt: skip
# A worker has to start just when the cloud is away for longer than a deadline: a test of its own, too.
WAITING = Mutation("a worker waits for a cloud that is away before it looks at anything", "navarch.reconcile.worker:Worker._keep_offer", "self._offer = self._dependencies.store.offer()", "pass")  # fmt: skip
# People reboot in the stories what is dead, whatever is told of it: a test of its own, too.
BELIEVED = Mutation("a Ready cluster of which nothing is seen is Ready for ever", f"{DOMAIN}.silence:is_short", "now - since < GRACE", "True")  # fmt: skip
# A request must arrive after its worker lost the cluster, and others must have looked meanwhile: a test of its own, too.
LATE = Mutation("nobody asks what the timeline knows", f"{TIMELINE}:tell", "_untold(chapter))", "())")
# Most machines that come and go do so where little else goes wrong.
ROLLING = Weather(kill=0.004, node_dies=0.02, cloud_lost=0.01)
BREAKING = Weather(member_breaks=0.6, kill=0.004)
STALLING = Weather(member_stalls=0.9, kill=0.004)
# Not on the list, because something else puts right what they break: a deleted node group's server group that is left
# by the plan or hidden by a list, a place that does not ask for its member's address, and what an earlier machine
# reported counting for the next, which has mostly reported itself when somebody looks. Unit tests show them all; those of
# the contract show an Ensure that makes without a look: the plan removes the second object.
MUTATIONS = (
    Mutation("a server in ERROR is never made anew", f"{MACHINES}:_rebuild", "view.existence is Existence.FAILED", "False"),
    Mutation("a machine that never joins is waited for for ever", f"{MACHINES}:_never_joins", "return now - since", "return False and now - since"),
    Mutation("numbers of workers are used again", f"{GROUPS}:decisions", "for m in record.machines if m.group == group.name), default=0", "for m in record.live if m.group == group.name and not m.removing), default=0"),
    Mutation("a lost worker is not replaced", f"{HEALTH}:_lost", "if view.existence is Existence.ABSENT:", "if False:"),
    Mutation("a worker whose Node somebody removed is left", f"{HEALTH}:_lost", 'return "" if starts or not worker else', 'return "" if True else'),
    Mutation("a machine keeps an address that was drawn while its owner was lost", f"{OPENSTACK}.machines:_is_kept_from", "return address in others or", "return False and"),
    Mutation("a balancer in ERROR is left", f"{OPENSTACK}.endpoint:open_endpoint", 'balancer.provisioning_status == "ERROR"', "False"),
    Mutation("a new balancer gets any address", f"{OPENSTACK}.endpoint:open_endpoint", "API_PORT, known)", "API_PORT)"),
    Mutation("the floating address stays on the lost balancer's port", f"{OPENSTACK}.endpoint:_floating_ip", "address is None or address.port_id != balancer.vip_port_id", "address is None"),
    Mutation("rules of a security group are set once", f"{OPENSTACK}.foundations:_security_groups", "group is None or group.rules != rules", "group is None"),
    Mutation("second objects of one name are left", f"{TIDY}:_second_ones", "resource.name in ours and not is_used(cloud, resource)", "False"),
    Mutation("a second balancer or floating address of the API is left", f"{TIDY}:_second_ones", "chosen is not None and", "False and", Weather(cloud_lag=0.5, cloud_lost=0.3, by_hand=0.6)),
    Mutation("what was made without an answer is not told", f"{TIMELINE}:_unanswered", "resource.kind in before.cloud.seen", "False", Weather(cloud_lost=0.3)),
    Mutation("servers and ports of given-up machines are left", f"{TIDY}:_orphans", "not cloud.knows(Server, Port)", "True"),
    Mutation("a pause is not obeyed", f"{DOMAIN}.plan:plan", "if cluster.spec.paused:", "if False:"),
    Mutation("a machine is removed without a drain", f"{LEAVING}:leave", "elif node is not None:", "elif False:", ROLLING, promise="drained"),
    Mutation("pods are ended whatever their budgets say", f"{EXECUTORS}:_drain", "evict=evict and not (force and is_late)", "evict=False", ROLLING, promise="drained"),
    Mutation("a rollout makes more machines than it may", f"{GROUPS}:_more", "group.wanted + surge(group.spec) - existing", "group.wanted + 3 - existing", ROLLING),
    Mutation("a rollout takes more machines than it may", f"{GROUPS}:_replaced", "spare = ready - group.wanted + share(", "spare = ready + share(", ROLLING),
    Mutation("a place goes while another is away", f"{PLACES}:_in_the_way", "if busy:", "if False:", ROLLING),
    Mutation("nobody asks whether etcd keeps its quorum", f"{PLACES}:quorum_without", 'return _quorum_without(name, observed.kube.etcd, for_good=for_good)', 'return ""', STALLING, promise="quorum"),
    Mutation("all that is unwell is replaced at once", f"{GROUPS}:_brake", "if len(unwell) <= limit:", "if True:", Weather(node_dies=0.9)),
    Mutation("a paused rollout goes on", f"{DOMAIN}.plan.decisions:_held", "if cluster.spec.rollout_paused:", "if False:", ROLLING),
    Mutation("the API stays open to everybody", f"{OPENSTACK}.foundations:security_group_rules", "if allowed else", "if False else"),
    Mutation("a stopped cluster's control plane runs on", f"{DOMAIN}.plan.stopping:stop", "yield from cloud.stop(checkup.machine)", "yield from ()", ROLLING),
    Mutation("what is off is not switched on", f"{OPENSTACK}.machines:_give_back", 'if server.status == "SHUTOFF" and running:', "if False:", ROLLING),
    Mutation("a started cluster stays closed to pods", f"{DOMAIN}.plan.nodes:nodes", "if running and node.cordoned and node.ready:", "if False:", ROLLING),
    Mutation("a member whose data is gone is waited for for ever", f"{LEAVING}:start_anew", "yield from end_membership(checkup.machine, observed) or ()", "yield from ()", BREAKING),
    Mutation("a deletion does not wait for the machines to go", f"{DELETION}:deletion", "return all(kind in cloud.seen and not _left(view, kind) for kind in kinds)", "return True"),
    Mutation("what could not be read counts as gone", f"{DELETION}:deletion", "view.observed.fresh and view.complete and gone(*Kind)", "not leftovers(view)"),
    Mutation("a cluster is forgotten while objects are there", f"{DELETION}:deletion", "view.observed.fresh and view.complete and gone(*Kind)", "gone(Kind.SERVER, Kind.LOAD_BALANCER)"),
    Mutation("volumes that were to be kept are removed", f"{DELETION}:_left", "if view.cluster.keep_volumes", "if False"),
    Mutation("somebody is responsible, and no remedy is told", f"{FINDINGS}:_fault", '"add capacity to the zone, or choose a smaller flavor or another zone; Navarch goes on trying"', "None"),
    Mutation("a machine is asked for with a ticket that nobody knows", f"{EXECUTORS}:_user_data", "digest,", "bytes(32),"),
    Mutation("user-data holds the password of the cluster's controllers", f"{EXECUTORS}:_user_data", "ssh_keys=task.cluster.spec.ssh_keys,", "ssh_keys=(*task.cluster.spec.ssh_keys, read_password(dependencies, task.cluster.id)),"),
    Mutation("nobody asks whether the lease has ended", "navarch.reconcile.lease:Lease.check", "if not held:", "if False:"),
    Mutation("times between clocks that differ may be negative", f"{TIMELINE}:_seconds", "max(0.0, (now - since).total_seconds())", "(now - since).total_seconds()"),
    Mutation("a worker that takes over does not tell what it found", f"{TIMELINE}:_taken_over", "if ours:", "if False:"),
    Mutation("a cycle plans no next look", f"{CYCLE}:Cycle.run", "look_again_after=after,", "look_again_after=1e7 + after,"),
    Mutation("a cluster that is held can be claimed", "sql:claim", "due_at <= now()", "next_look_at <= now()"),
    Mutation("a status is written by whoever comes", "sql:record", "AND token = %(token)s AND lease_until IS NOT NULL", "AND %(token)s > 0"),
    Mutation("a new worker uses the old one's token", "sql:claim", "token = token + 1", "token = greatest(token, 1)", first=48),
    Mutation("a machine keeps the Node of the one whose place it takes", "navarch.bootstrap.join:_ControlPlane.steps", 'yield BootStep("OwnNode",', 'BootStep("OwnNode",', first=165),
    Mutation("a machine is given the authority of a new cluster", "navarch.api.bootstrap:_answer", "open_secrets(service.sealer, joined.cluster_id, sealed)", "__import__('navarch.bootstrap.pki').bootstrap.pki.make_cluster_secrets(now)"),
    Mutation("a list's filter is believed", f"{ADAPTER}.handlers:kept_filter", "if strangers:", "if False:"),
    Mutation("a list ends with its first page", f"{ADAPTER}.session:Service.items", "while (following := _next(body)) is not None:", "while False:"),
    Mutation("server groups end with Nova's first answer", f"{ADAPTER}.servers:_groups", "found += page", "return page"),
    Mutation("names are taken for marks", f"{ADAPTER}.marks:_unmarked", "if marked == mark(owner)", "if True"),
    Mutation("a conflict is taken for success", f"{ADAPTER}.session:Service._send", "response.status_code < 400 or", "response.status_code < 400 or response.status_code == 409 or"),
    Mutation("the fence is not asked before a request", f"{ADAPTER}.transport:Fenced.send", "before_a_change()", "pass"),
    # Rare in stories from seeds, each by the promise that is about it in the story that is about it.
    Mutation("who protects pods is not asked", f"{EXECUTORS}:_drain", "evict=evict and not (force and is_late)", "evict=False", promise="drained", script=scripted.a_group_rolls),
    Mutation("pods that may not go are ended when their time is over", f"{EXECUTORS}:_drain", "not (force and is_late)", "not is_late", promise="drained", script=scripted.a_webhook_denies_everything),
    Mutation("nobody is told what holds a drain", f"{EXECUTORS}:_draining", 'raise Permanent(message, reason="DrainTimedOut", responsible=Responsible.USER, remedy=_HELD_REMEDY)', "return Again(1.0, 'Draining', 'pods move')", promise="drained", script=scripted.a_webhook_denies_everything),
    Mutation("the machine that leads etcd goes first", f"{PLACES}:_candidates", "(pair[0].name in leaders, pair[0].machine.serial)", "pair[0].machine.serial", promise="leader last", script=scripted.places_roll),
    Mutation("a machine stops while the balancer sends requests to it", f"{LEAVING}:_stop_and_remove", "view.serves or quorum_without", "quorum_without", promise="balancer first", script=scripted.places_roll),
    Mutation("a control-plane machine is removed while it runs", f"{LEAVING}:_stop_and_remove", "yield from cloud.stop(machine)", "yield from cloud.remove(machine, _why(machine))", promise="in order", script=scripted.places_roll),
    Mutation("the disk of a place goes with its machine", f"{OPENSTACK}.machines:remains", "if machine.role is Role.CONTROL_PLANE and not for_good:", "if False:", script=scripted.places_roll),
    Mutation("after a drain nobody asks whether etcd keeps its quorum", f"{LEAVING}:_stop_and_remove", "view.serves or quorum_without(machine.name, observed, for_good=for_good)", "view.serves", promise="quorum", script=scripted.a_member_breaks_while_another_goes),
    Mutation("a lost member and one that is to go wait for each other", f"{PLACES}:_waits_for", "return leaver.state is State.LOST and", "return False and", promise="convergence", script=scripted.a_member_breaks_while_another_goes),
    Mutation("a member that stalls counts as well", f"{PLACES}:_quorum_without", "[m.name for m in voters if m.healthy]", "[m.name for m in voters]", promise="quorum", script=scripted.a_member_stalls),
    Mutation("machines of a silent zone are replaced", f"{HEALTH}:_silent_zones", "if count > 1 and zone not in heard", "if False", promise="brake", script=scripted.a_zone_is_cut_off),
    Mutation("what is being replaced does not count as unwell", f"{GROUPS}:_brake", "if _is_called_unwell(c) or _is_repaired(c)", "if _is_called_unwell(c)", promise="brake", script=scripted.repairs_take_long),
    Mutation("a rollout does not wait for its first machine", f"{GROUPS}:_more", "return room if proven else min(room, 1 - new)", "return room", promise="canary", script=scripted.an_image_is_broken),
    Mutation("old machines go before a new one is Ready", f"{GROUPS}:_replaced", "if not proven:", "if False:", promise="canary", script=scripted.an_image_is_broken),
    Mutation("a rollout that stopped does not say so", f"{FINDINGS}:_turnover", "if turned.stopped:", "if False:", promise="canary", script=scripted.an_image_is_broken),
    Mutation("a control plane's rollout that stopped does not say so", f"{FINDINGS}:_places", "if places.stopped:", "if False:", promise="canary", script=scripted.a_control_planes_image_is_broken),
    Mutation("a schedule overrules a person", f"{DOMAIN}.plan.power:power", "if came is None or came.at <= said:", "if came is None:", promise="power", script=scripted.a_person_overrules_a_schedule),
    Mutation("whose place is wanted again stays a member of etcd", f"{LEAVING}:_goes_for_good", "machine.departure is Departure.SCALE_DOWN or ", "", promise="convergence", script=scripted.a_control_plane_shrinks_and_is_to_be_as_large_again),
    Mutation("a start forgets workers", f"{OPENSTACK}.machines:_give_back", 'if server.status == "SHUTOFF" and running:', 'if server.status == "SHUTOFF" and running and machine.role is Role.CONTROL_PLANE:', promise="power", script=scripted.a_stop_and_a_start),
    Mutation("how long a node was NotReady counts from before the start", f"{HEALTH}:_has_lasted", "max(began, since or began)", "began", promise="power", script=scripted.a_worker_was_off_for_long_before_the_others),
    Mutation("machines whose certificates ended are switched on", f"{HEALTH}:_off_for_too_long", "now - since < CERTIFICATE_OUTLIVES", "True", promise="convergence", script=scripted.certificates_end_while_it_is_off),
    Mutation("nobody notes since when a machine is off", f"{DOMAIN}.plan.stopping:note", "if not decided.running and is_off", "if False and is_off", promise="convergence", script=scripted.certificates_end_while_it_is_off),
    Mutation("the operator's pause is not obeyed", "sql:claim", "AND c.project_id NOT IN (SELECT project_id FROM pauses)", "", promise="hands off", script=scripted.the_operator_pauses),
    Mutation("the API is open to everybody, whatever is asked", f"{OPENSTACK}.foundations:security_group_rules", "if allowed else", "if False else", promise="let in", script=scripted.the_api_is_opened_to_few),
    Mutation("ids are written down at the end of a cycle", f"{CYCLE}:_Notes.saw", "if not self._known.issuperset(objects):", "if False:", script=scripted.somebody_renames_what_was_just_made),
    Mutation("a worker goes by its own clock", "navarch.reconcile.clock:Clock.agree", "self._ahead = clocks.ahead(", "clocks.ahead(", promise="not stuck in silence", script=scripted.a_workers_clock_is_off),
    Mutation("a cluster's moments are taken for ours", f"{DOMAIN}.kube:KubeState.by_our_clock", "if ahead else self", "if False else self", promise="clocks", script=scripted.a_clusters_clock_is_off),
    Mutation("a limit is crossed by one", f"{AUTOSCALING}.looking:Look.candidates", "max(0, limits.max - group.spec.replicas)", "max(0, 1 + limits.max - group.spec.replicas)", promise="limits", script=scripted_autoscaling.pods_come_and_go),
    Mutation("nobody asks how few machines a group may have", f"{AUTOSCALING}.down:_why_it_stays", "if left[machine.group] <= 0:", "if False:", promise="limits", script=scripted_autoscaling.pods_come_and_go),
    Mutation("pods that wait are not seen", f"{AUTOSCALING}.looking:Look.waiting", "if not p.node and", "if p.node and", promise="placed", script=scripted_autoscaling.pods_come_and_go),
    Mutation("nobody asks for pods between two looks", "navarch.reconcile.worker:Worker._ask_for_pods", "self._waiting.begin()", "pass", promise="placed", script=scripted_autoscaling.pods_come_and_go),
    Mutation("nobody asks for how long a machine was not needed", f"{AUTOSCALING}.down:scale_down", "if now < goes_at(began, machine.limits, grown_at):", "if False:", promise="needed", script=scripted_autoscaling.pods_come_and_go),
    Mutation("pods are not counted between two looks", "navarch.reconcile.waiting_pods:WaitingPods._moved", "if counted is None or now < counted.at:", "if True:", promise="spare", script=scripted_autoscaling.room_is_kept_free),
    Mutation("a machine goes that is used", f"{AUTOSCALING}.down:scale_down", "if utilisation(machine.spot, machine.by, free) >= machine.limits.utilization_threshold:", "if False:", promise="needed", script=scripted_autoscaling.machines_are_half_full),
    Mutation("a group without quota is asked again and again", f"{AUTOSCALING}.memory:Memory.backoff", "next((b for b in self.backoffs if b.group == group and now < b.until), None)", "None", promise="placed", script=scripted_autoscaling.a_quota_is_used_up),
    Mutation("room to spare is not thought of", f"{AUTOSCALING}.deciding:decide", "spare = look.spare() if look.pods.all else ()", "spare = ()", promise="spare", script=scripted_autoscaling.room_is_kept_free),
    Mutation("a machine's free room holds it not", f"{AUTOSCALING}.deciding:decide", "        spare=spare,\n", "", promise="spare", script=scripted_autoscaling.room_is_kept_free),
    Mutation("a device that never shows is hoped for at once again", f"{AUTOSCALING}.memory:SilentDevice.holds", "return self.until is None or now < self.until", "return False", promise="in vain", script=scripted_autoscaling.a_device_never_shows),
    Mutation("a machine comes in any zone", f"{AUTOSCALING}.deciding:_grown", "zones=zones", "zones=()", promise="zonal", script=scripted_autoscaling.a_volume_is_in_a_zone),
    Mutation("of a machine from zero nobody knows its zone", f"{AUTOSCALING}.machines:spot_to_be", "**of_csi(zone)}\n    labels", "}\n    labels", promise="zonal", script=scripted_autoscaling.a_volume_is_in_a_zone),
    Mutation("the cloud's moments are taken for ours", f"{ADAPTER}.session:Service.by_our_clock", "- self._ahead", "", script=scripted.the_clouds_clock_is_off),
)  # fmt: skip


@contextmanager
def made(mutation: Mutation) -> Iterator[None]:
    """The fault, while it lasts."""
    module, _, name = mutation.where.partition(":")
    if module == "sql":
        known = queries._all()
        before = known[name]
        known[name] = _replaced(before.decode(), mutation).encode()
        try:
            yield
        finally:
            known[name] = before
        return
    function = _function(module, name)
    source = _replaced(textwrap.dedent(inspect.getsource(function)), mutation)
    scope: dict[str, Any] = {}
    exec(compile(source, f"<{mutation.where}>", "exec"), function.__globals__, scope)
    code = function.__code__
    changed = scope[function.__name__]
    function.__code__ = changed.__code__
    try:
        yield
    finally:
        function.__code__ = code


def catch_all(dsns: list[str], result: Path | None, *, first: int, count: int) -> int:
    """Make each of these faults and run stories until a promise breaks, in as many processes as there are databases.
    The number of those that nothing caught."""
    caught: list[dict[str, Any]] = []
    for mutation in MUTATIONS:
        with made(mutation):
            pass  # every one of them fits today's code
    free: multiprocessing.Queue[str] = multiprocessing.Queue()
    for dsn in dsns:
        free.put(dsn)
    with multiprocessing.Pool(len(dsns), _take_database, (free,)) as pool:
        for found in pool.imap(_try, range(len(MUTATIONS))[first : first + count]):
            caught.append(found)
            by = f"story {found['seed']}, {found['by']}" if found["by"] else f"NOT CAUGHT in {SEEDS} runs"
            print(f"{found['what']}: {by}", flush=True)
    missed = [c for c in caught if not c["by"]]
    print(f"{len(caught) - len(missed)} of {len(caught)} deliberate faults were caught")
    if result is not None:
        result.write_text(json.dumps(caught, indent=1) + "\n")
    return len(missed)


_database = ""  # of this process of the pool


def _take_database(free: "multiprocessing.Queue[str]") -> None:
    global _database  # what an initializer leaves for the pool's calls
    _database = free.get()


def _try(number: int) -> dict[str, Any]:
    """The first story that a fault breaks, and that is whole without it."""
    mutation = MUTATIONS[number]
    found: dict[str, Any] = {"what": mutation.what, "where": mutation.where, "seed": None, "by": ""}
    for seed in (0,) if mutation.script else range(mutation.first, mutation.first + SEEDS):
        with made(mutation):
            told = _broken(_database, seed, mutation)
        if told and mutation.promise in told and not _broken(_database, seed, mutation):
            return found | {"seed": mutation.script.__name__ if mutation.script else seed, "by": told[:200]}
    return found


def _broken(dsn: str, seed: int, mutation: Mutation) -> str:
    """Which promises a story breaks; empty: none."""
    connection = connect(dsn)
    try:
        if mutation.script is not None:
            return scripted.tell(connection, mutation.script)
        return run(connection, seed, mutation.weather or STORM).broken.partition("s: ")[2]
    except Exception as error:  # noqa: BLE001 - a fault so gross that the story cannot be told is caught as well
        return f"an exception: {error!r}"
    finally:
        connection.close()


def _replaced(source: str, mutation: Mutation) -> str:
    if source.count(mutation.old) != 1:
        sys.exit(f"{mutation.what}: {mutation.old!r} is {source.count(mutation.old)} times in {mutation.where}")
    return source.replace(mutation.old, mutation.new)


def _function(module: str, name: str) -> FunctionType:
    found: Any = import_module(module)
    for part in name.split("."):
        found = inspect.getattr_static(found, part)
    assert isinstance(found, FunctionType)
    return found
