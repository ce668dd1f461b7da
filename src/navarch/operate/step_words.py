"""Steps in words for people."""

from navarch.domain import steps
from navarch.domain.steps import Step


def words(step: Step) -> str:
    """What the step does, as an order. mypy insists that every kind of step has its words."""
    match step:
        case steps.EnsureSecrets():
            return "make the cluster's keys and certificates"
        case steps.EnsureIdentity():
            return "make the Keystone user of the cluster's controllers, with its trust"
        case steps.EnsureNetwork(name=name):
            return f"make the network {name}"
        case steps.EnsureSubnet(name=name, cidr=cidr):
            return f"make the subnet {name}, {cidr}"
        case steps.EnsureRouter(name=name, external_network=network, subnet_id=None):
            return f"make the router {name} to {network}"
        case steps.EnsureRouter(name=name):
            return f"give the router {name} a leg in the subnet"
        case steps.EnsureSecurityGroup(name=name, rules=rules):
            return f"make the security group {name} as wanted, {len(rules)} rules"
        case steps.EnsureServerGroup(name=name):
            return f"make the server group {name}"
        case steps.EnsurePort(name=name):
            return f"make the port {name}"
        case steps.AttachPort(name=name):
            return f"put the port {name} back on its machine"
        case steps.AttachVolume(name=name):
            return f"put the volume {name} back on its machine"
        case steps.StartServer(name=name):
            return f"start the server {name}"
        case steps.EnsureVolume(name=name, size_gib=size, type=type_, zone=zone):
            return f"make the volume {name}, {size} GiB of {type_} in {zone}"
        case steps.EnsureLoadBalancer(name=name, members=members):
            return f"make the load balancer {name} as wanted, members {', '.join(members)}"
        case steps.EnsureFloatingIP(external_network=network):
            return f"give the API a floating address of {network}"
        case steps.CreateServer(name=name, flavor=flavor, zone=zone):
            return f"create the server {name}, {flavor} in {zone}"
        case steps.Remove(kind=kind, name=name, why=why):
            return f"remove the {kind} {name}" + (f": {why}" if why else "")
        case steps.RecordMachine(name=name, zone=zone):
            return f"decide to have the machine {name} in {zone}"
        case steps.ReleaseMachine(name=name):
            return f"decide that the machine {name} is to go"
        case steps.ForgetMachine(name=name):
            return f"note that the machine {name} is gone"
        case steps.ApplyAddon(name=name):
            return f"apply the add-on {name}"
        case steps.DrainNode(name=name):
            return f"drain the node {name}"
        case steps.DeleteNode(name=name):
            return f"remove the node {name} from Kubernetes"
        case steps.ForgetNodeGroup(name=name):
            return f"drop the node group {name}"
        case steps.Forget():
            return "drop the cluster's row: nothing is left of it"
