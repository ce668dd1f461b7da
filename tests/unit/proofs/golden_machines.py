"""Machines as the golden answers make them: the files that Navarch gives, the static pods that kubeadm makes of its
configuration (in `manifests`: see tests/integration/test_kubeadm_manifests.py), and what kubeadm writes beside them."""

from pathlib import Path

from proofs.cis.seen import KUBELET_CONFIG, MANIFESTS, File, Machine, flags
from tests.unit.bootstrap.joining import NOW, SECRETS, control_plane, facts, worker

from navarch.bootstrap.join import join_answer

FOLDER = Path(__file__).parent / "manifests"
COMPONENTS = ("etcd", "kube-apiserver", "kube-controller-manager", "kube-scheduler")
KUBEADMS = {
    **{f"/etc/kubernetes/{name}.conf": 0o600 for name in ("admin", "controller-manager", "scheduler")},
    **{f"/etc/kubernetes/pki/{name}.crt": 0o644 for name in ("apiserver", "apiserver-etcd-client", "etcd/server")},
    **{f"/etc/kubernetes/pki/{name}.key": 0o600 for name in ("apiserver", "apiserver-etcd-client", "etcd/server")},
}
OTHERS = {
    "/etc/cni/net.d/10-calico.conflist": 0o600,
    "/etc/cni/net.d/calico-kubeconfig": 0o600,
    "/etc/systemd/system/kubelet.service": 0o644,
    "/var/lib/etcd/member": 0o700,
}


def machine(*, is_control_plane: bool) -> Machine:
    """The first control-plane machine, or a worker."""
    place = facts(control_plane(0)) if is_control_plane else facts(worker(1), peers=(0,))
    given = {f.path: File(int(f.mode, 8), content=f.content) for f in join_answer(place, SECRETS, NOW).files}
    files = {**given, **{path: File(mode) for path, mode in OTHERS.items()}}
    node = place.machine.name
    if is_control_plane:
        files |= {path: File(mode) for path, mode in KUBEADMS.items()}
        files |= {f"{MANIFESTS}/{c}.yaml": File(0o600, content=(FOLDER / f"{c}.yaml").read_text()) for c in COMPONENTS}
        documents = given["/etc/kubernetes/navarch/kubeadm-init.yaml"].content.split("---\n")
        files[KUBELET_CONFIG] = File(0o600, content=documents[-1])  # kubeadm writes it, finish-machine closes it
    else:
        del files["/var/lib/etcd/member"]
    return Machine(node, is_control_plane, files, flags([f"--hostname-override={node}"]))
