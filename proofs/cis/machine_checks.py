"""Sections 1, 2, 3.2 and 4: files, arguments and settings of machines."""

from collections.abc import Callable
from typing import Any

from proofs.cis.seen import KUBELET_CONFIG, MANIFESTS, Check, Machine

Wrong = Callable[[Machine], str]
KUBERNETES, PKI = "/etc/kubernetes", "/etc/kubernetes/pki"
CNI, ETCD = "/etc/cni/net.d", "/var/lib/etcd/member"

STRONG = (
    "TLS_AES_128_GCM_SHA256",
    "TLS_AES_256_GCM_SHA384",
    "TLS_CHACHA20_POLY1305_SHA256",
    "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256",
    "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384",
    "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256",
    "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256",
    "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384",
    "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256",
)


# -- files


def private(path: str, most: int) -> Wrong:
    """Nobody has more rights on the file than these."""

    def wrong(machine: Machine) -> str:
        file = machine.files.get(path)
        if file is None:
            return f"{path} is not there"
        return f"{path} is {file.mode:04o}" if file.mode & ~most else ""

    return wrong


def of_root(path: str) -> Wrong:
    """The file is root's."""

    def wrong(machine: Machine) -> str:
        file = machine.files.get(path)
        if file is None:
            return f"{path} is not there"
        return "" if file.owner == "root:root" else f"{path} is {file.owner}'s"

    return wrong


def all_private(folder: str, most: int, *endings: str) -> Wrong:
    """The same for all files of a folder, of which there is at least one."""

    def wrong(machine: Machine) -> str:
        files = machine.below(folder, *endings)
        if not files:
            return f"nothing in {folder}"
        return ", ".join(f"{path} is {file.mode:04o}" for path, file in sorted(files.items()) if file.mode & ~most)

    return wrong


def all_of_root(folder: str) -> Wrong:
    """They are root's."""

    def wrong(machine: Machine) -> str:
        files = machine.below(folder)
        if not files:
            return f"nothing in {folder}"
        return ", ".join(f"{p} is {f.owner}'s" for p, f in sorted(files.items()) if f.owner != "root:root")

    return wrong


# -- arguments


def flag(component: str, name: str, right: Callable[[str], bool], *, unset: bool = False) -> Wrong:
    """An argument of a static pod is right; `unset`: whether its default is."""

    def wrong(machine: Machine) -> str:
        flags = machine.flags(component)
        if not flags:
            return f"no manifest of {component}"
        value = flags.get(name)
        if value is None:
            return "" if unset else f"{component}: --{name} is not set"
        return "" if right(value) else f"{component}: --{name}={value}"

    return wrong


def is_set(component: str, *names: str) -> Wrong:
    """Arguments have some value."""

    def wrong(machine: Machine) -> str:
        flags = machine.flags(component)
        if not flags:
            return f"no manifest of {component}"
        missing = [name for name in names if not flags.get(name)]
        return f"{component}: not set: {', '.join(missing)}" if missing else ""

    return wrong


def is_not_set(component: str, name: str) -> Wrong:
    """An argument is left out."""
    return flag(component, name, lambda value: False, unset=True)


def has(*wanted: str) -> Callable[[str], bool]:
    """A list holds these."""
    return lambda value: set(wanted) <= set(value.split(","))


def has_not(*unwanted: str) -> Callable[[str], bool]:
    """A list holds none of these."""
    return lambda value: not set(unwanted) & set(value.split(","))


def equals(wanted: str) -> Callable[[str], bool]:
    """It is this."""
    return lambda value: value == wanted


def at_least(least: int) -> Callable[[str], bool]:
    """It is a number, and not less."""
    return lambda value: value.isdigit() and int(value) >= least


def strong(value: str) -> bool:
    """Every cipher suite of the list is one of today."""
    return set(value.split(",")) <= set(STRONG)


# -- files of the API server


def anonymous(machine: Machine) -> str:
    """Nobody is anonymous, but who asks whether it lives."""
    path = machine.flags("kube-apiserver").get("authentication-config", "")
    said = (machine.configuration(path) or {}).get("anonymous", {"enabled": True})
    paths = {condition["path"] for condition in said.get("conditions", ())}
    if said["enabled"] and not (paths and paths <= {"/livez", "/readyz", "/healthz"}):
        return f"anonymous requests are answered at {', '.join(sorted(paths)) or 'every path'}"
    return ""


def authorizers(*wanted: str) -> Wrong:
    """The API server asks these whether a request is allowed, and none that always says yes."""

    def wrong(machine: Machine) -> str:
        flags = machine.flags("kube-apiserver")
        said = machine.configuration(flags.get("authorization-config", "")) or {}
        asked = [a["type"] for a in said.get("authorizers", ())] or flags.get(
            "authorization-mode", "AlwaysAllow"
        ).split(",")
        right = set(wanted) <= set(asked) and "AlwaysAllow" not in asked
        return "" if right else f"asked: {', '.join(asked)}"

    return wrong


def encryption(machine: Machine) -> str:
    """What is written first is encrypted. The keys beside it are not shown."""
    path = machine.flags("kube-apiserver").get("encryption-provider-config", "")
    said = machine.configuration(path) or {}
    first = [next(iter(entry["providers"][0])) for entry in said.get("resources", ())]
    weak = [name for name in first if name not in ("aesgcm", "aescbc", "secretbox", "kms")]
    return "" if first and not weak else f"first provider: {', '.join(first) or 'none'}"


def audit_covers(machine: Machine) -> str:
    """Reads of Secrets, tokens, and ways into pods are told, whoever asks."""
    path = machine.flags("kube-apiserver").get("audit-policy-file", "")
    policy = machine.configuration(path) or {}
    wanted = {"secrets", "serviceaccounts/token", "pods/exec", "pods/portforward", "pods/proxy", "services/proxy"}
    for rule in policy.get("rules", ()):
        named = {name for resource in rule.get("resources", ()) for name in resource.get("resources", ())}
        everybody = not rule.keys() & {"users", "userGroups", "verbs", "namespaces"}
        if rule["level"] == "None" and not rule.get("nonResourceURLs") and (not named or named & wanted):
            break  # leaves out what was to be told, before it is
        if rule["level"] != "None" and everybody:
            wanted -= named
    return f"not told: {', '.join(sorted(wanted))}" if wanted else ""


def pod_security(machine: Machine) -> str:
    """What pods are held to where their namespace says nothing."""
    path = machine.flags("kube-apiserver").get("admission-control-config-file", "")
    plugins = (machine.configuration(path) or {}).get("plugins", ())
    said: dict[str, Any] = next((p["configuration"] for p in plugins if p["name"] == "PodSecurity"), {})
    level = said.get("defaults", {}).get("enforce", "privileged")
    exempt = set(said.get("exemptions", {}).get("namespaces", ())) - {"kube-system"}
    wrong = [f"exempt: {', '.join(sorted(exempt))}"] if exempt else []
    return "; ".join([f"the level is {level}"] if level == "privileged" else wrong)


# -- kubelet


def setting(name: str, right: Callable[[object], bool], *, unset: bool = False) -> Wrong:
    """A setting of the kubelet, by its path with dots, is right; `unset`: whether its default is."""

    def wrong(machine: Machine) -> str:
        value: object = machine.kubelet_settings
        for part in name.split("."):
            if not isinstance(value, dict) or part not in value:
                return "" if unset else f"kubelet: {name} is not set"
            value = value[part]
        return "" if right(value) else f"kubelet: {name} is {value}"

    return wrong


def kubelet_names_itself(machine: Machine) -> str:
    """The kubelet is not told what to be called."""
    return f"--hostname-override={n}" if (n := machine.kubelet.get("hostname-override")) else ""


def _files(number: int, path: str, what: str, most: int = 0o600) -> tuple[Check[Machine], Check[Machine]]:
    return (
        Check(f"1.1.{number}", f"{what}: for root alone to read", private(path, most)),
        Check(f"1.1.{number + 1}", f"{what}: root's", of_root(path)),
    )


_API, _MANAGER, _SCHEDULER = "kube-apiserver", "kube-controller-manager", "kube-scheduler"

CONTROL_PLANE_CHECKS: tuple[Check[Machine], ...] = (
    *_files(1, f"{MANIFESTS}/{_API}.yaml", "manifest of the API server"),
    *_files(3, f"{MANIFESTS}/{_MANAGER}.yaml", "manifest of the controller manager"),
    *_files(5, f"{MANIFESTS}/{_SCHEDULER}.yaml", "manifest of the scheduler"),
    *_files(7, f"{MANIFESTS}/etcd.yaml", "manifest of etcd"),
    Check("1.1.9", "the pod network's files: for root alone", all_private(CNI, 0o600)),
    Check("1.1.10", "the pod network's files: root's", all_of_root(CNI)),
    Check("1.1.11", "etcd's data: for its owner alone", private(ETCD, 0o700)),
    Check(
        "1.1.12", "etcd's data: a user's of its own", lambda m: "" if m.files[ETCD].owner == "etcd:etcd" else "root's",
        argued="kubeadm runs etcd as root; its data is on a disk of its own, mounted nodev, nosuid, noexec, mode 0700",
    ),
    *_files(13, f"{KUBERNETES}/admin.conf", "administrator's kubeconfig"),
    *_files(15, f"{KUBERNETES}/scheduler.conf", "scheduler's kubeconfig"),
    *_files(17, f"{KUBERNETES}/controller-manager.conf", "controller manager's kubeconfig"),
    Check("1.1.19", "keys and certificates: root's", all_of_root(PKI)),
    Check("1.1.20", "certificates: for others to read at most", all_private(PKI, 0o644, ".crt")),
    Check("1.1.21", "keys: for root alone", all_private(PKI, 0o600, ".key")),
    Check("1.2.1", "no anonymous requests", anonymous),
    Check("1.2.2", "no tokens in a file", is_not_set(_API, "token-auth-file")),
    Check("1.2.3", "no external addresses of Services",
          flag(_API, "enable-admission-plugins", has("DenyServiceExternalIPs"))),
    Check("1.2.4", "a certificate to kubelets", is_set(_API, "kubelet-client-certificate", "kubelet-client-key")),
    Check("1.2.5", "kubelets' certificates are checked", is_set(_API, "kubelet-certificate-authority")),
    Check("1.2.6", "nobody is always allowed", authorizers()),
    Check("1.2.7", "nodes may what concerns them", authorizers("Node")),
    Check("1.2.8", "RBAC", authorizers("RBAC")),
    Check(
        "1.2.9", "events are limited", flag(_API, "enable-admission-plugins", has("EventRateLimit")),
        argued="the plugin is alpha; API Priority and Fairness bounds requests of every kind, events among them",
    ),
    Check("1.2.10", "nothing is always admitted",
          flag(_API, "enable-admission-plugins", has_not("AlwaysAdmit"), unset=True)),
    Check(
        "1.2.11", "images are always pulled", flag(_API, "enable-admission-plugins", has("AlwaysPullImages")),
        argued="the system's images are in the node image and in no registry: pulling them would fail",
    ),
    Check("1.2.13", "service accounts", flag(_API, "disable-admission-plugins", has_not("ServiceAccount"), unset=True)),
    Check("1.2.14", "nothing is made in a namespace that ends",
          flag(_API, "disable-admission-plugins", has_not("NamespaceLifecycle"), unset=True)),
    Check("1.2.15", "kubelets change their own node only",
          flag(_API, "enable-admission-plugins", has("NodeRestriction"))),
    Check("1.2.16", "no profiling", flag(_API, "profiling", equals("false"))),
    Check("1.2.17", "an audit log", is_set(_API, "audit-log-path")),
    Check("1.2.18", "kept for 30 days", flag(_API, "audit-log-maxage", at_least(30))),
    Check("1.2.19", "in 10 files", flag(_API, "audit-log-maxbackup", at_least(10))),
    Check("1.2.20", "of 100 MiB", flag(_API, "audit-log-maxsize", at_least(100))),
    Check("1.2.21", "requests end", flag(_API, "request-timeout", lambda value: value != "0s", unset=True)),
    Check("1.2.22", "tokens of accounts that are gone are refused",
          flag(_API, "service-account-lookup", equals("true"), unset=True)),
    Check("1.2.23", "a key for tokens", is_set(_API, "service-account-key-file")),
    Check("1.2.24", "a certificate to etcd", is_set(_API, "etcd-certfile", "etcd-keyfile")),
    Check("1.2.25", "TLS", is_set(_API, "tls-cert-file", "tls-private-key-file")),
    Check("1.2.26", "clients' certificates are checked", is_set(_API, "client-ca-file")),
    Check("1.2.27", "etcd's certificate is checked", is_set(_API, "etcd-cafile")),
    Check("1.2.28", "Secrets are encrypted at rest", is_set(_API, "encryption-provider-config")),
    Check("1.2.29", "well", encryption),
    Check("1.2.30", "strong cipher suites", flag(_API, "tls-cipher-suites", strong)),
    Check("1.2.31", "tokens end when they say",
          flag(_API, "service-account-extend-token-expiration", equals("false"))),
    Check("1.3.1", "pods that ended are cleared away", flag(_MANAGER, "terminated-pod-gc-threshold", at_least(1))),
    Check("1.3.2", "no profiling", flag(_MANAGER, "profiling", equals("false"))),
    Check("1.3.3", "an account for each controller", flag(_MANAGER, "use-service-account-credentials", equals("true"))),
    Check("1.3.4", "a key for tokens", is_set(_MANAGER, "service-account-private-key-file")),
    Check("1.3.5", "pods know the cluster's CA", is_set(_MANAGER, "root-ca-file")),
    Check("1.3.6", "kubelets' serving certificates are renewed",
          flag(_MANAGER, "feature-gates", has_not("RotateKubeletServerCertificate=false"), unset=True)),
    Check("1.3.7", "listens on the loopback only", flag(_MANAGER, "bind-address", equals("127.0.0.1"))),
    Check("1.4.1", "no profiling", flag(_SCHEDULER, "profiling", equals("false"))),
    Check("1.4.2", "listens on the loopback only", flag(_SCHEDULER, "bind-address", equals("127.0.0.1"))),
    Check("2.1", "etcd: TLS", is_set("etcd", "cert-file", "key-file")),
    Check("2.2", "etcd: clients show certificates", flag("etcd", "client-cert-auth", equals("true"))),
    Check("2.3", "etcd: none that it makes itself", flag("etcd", "auto-tls", equals("false"), unset=True)),
    Check("2.4", "etcd: TLS between members", is_set("etcd", "peer-cert-file", "peer-key-file")),
    Check("2.5", "etcd: members show certificates", flag("etcd", "peer-client-cert-auth", equals("true"))),
    Check("2.6", "etcd: none that it makes itself", flag("etcd", "peer-auto-tls", equals("false"), unset=True)),
    Check("2.7", "etcd: a CA of its own", flag("etcd", "trusted-ca-file", lambda v: v != f"{PKI}/ca.crt")),
    Check("5.2", "pods are held to a standard where nothing is said", pod_security),
    Check("3.2.1", "an audit policy", is_set(_API, "audit-policy-file")),
    Check("3.2.2", "it tells of Secrets, tokens, ways into pods", audit_covers),
)  # fmt: skip


def _node(number: str, what: str, wrong: Wrong, argued: str = "") -> Check[Machine]:
    return Check(number, what, wrong, argued, worker=True)


NODE_CHECKS: tuple[Check[Machine], ...] = (
    _node(
        "4.1.1", "kubelet's unit: for root alone", private("/etc/systemd/system/kubelet.service", 0o600),
        argued="it holds nothing secret, and systemd's tools show units to everybody",
    ),
    _node("4.1.2", "kubelet's unit: root's", of_root("/etc/systemd/system/kubelet.service")),
    _node("4.1.5", "kubelet's kubeconfig: for root alone", private(f"{KUBERNETES}/kubelet.conf", 0o600)),
    _node("4.1.6", "kubelet's kubeconfig: root's", of_root(f"{KUBERNETES}/kubelet.conf")),
    _node("4.1.7", "the cluster's CA: for others to read at most", private(f"{PKI}/ca.crt", 0o644)),
    _node("4.1.8", "the cluster's CA: root's", of_root(f"{PKI}/ca.crt")),
    _node("4.1.9", "kubelet's configuration: for root alone", private(KUBELET_CONFIG, 0o600)),
    _node("4.1.10", "kubelet's configuration: root's", of_root(KUBELET_CONFIG)),
    _node("4.2.1", "no anonymous requests", setting("authentication.anonymous.enabled", lambda v: v is False)),
    _node("4.2.2", "the API server is asked who may", setting("authorization.mode", lambda v: v == "Webhook")),
    _node("4.2.3", "clients' certificates are checked", setting("authentication.x509.clientCAFile", bool)),
    _node("4.2.4", "no port without a question", setting("readOnlyPort", lambda v: v == 0, unset=True)),
    _node("4.2.5", "streams that stand still end",
          setting("streamingConnectionIdleTimeout", lambda v: v not in (0, "0", "0s"), unset=True)),
    _node("4.2.6", "keeps its chains", setting("makeIPTablesUtilChains", lambda v: v is True, unset=True)),
    _node(
        "4.2.7", "keeps its machine's name", kubelet_names_itself,
        argued="the name is the machine's in Nova, to which its certificates are issued",
    ),
    _node("4.2.8", "events are not dropped all", setting("eventRecordQPS", lambda v: v != 0, unset=True)),
    _node("4.2.9", "a serving certificate of the cluster's CA", setting("serverTLSBootstrap", lambda v: v is True)),
    _node("4.2.10", "client certificates are renewed", setting("rotateCertificates", lambda v: v is True)),
    _node("4.2.11", "serving certificates are renewed",
          setting("featureGates.RotateKubeletServerCertificate", lambda v: v is True, unset=True)),
    _node("4.2.12", "strong cipher suites",
          setting("tlsCipherSuites", lambda v: isinstance(v, list) and strong(",".join(v)))),
    _node("4.2.13", "processes of a pod are limited", setting("podPidsLimit", lambda v: isinstance(v, int) and v > 0)),
    _node("4.2.14", "a system call filter by default", setting("seccompDefault", lambda v: v is True)),
    _node(
        "4.2", "kernel settings are checked", setting("protectKernelDefaults", lambda v: v is True),
        argued="the node image sets what the kubelet wants; where /proc/sys cannot be written it would not start",
    ),
)  # fmt: skip
