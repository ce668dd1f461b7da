"""What a service in the open is sent: bodies, headers, names and bytes, each under a name, sent to every route."""

import gzip
import zlib
from collections.abc import Iterator
from copy import deepcopy
from functools import reduce
from typing import Any

_KIB = 1024

# No JSON object can be read from these: (bytes, the status of the refusal).
UNREADABLE: dict[str, tuple[bytes, int]] = {
    "half an object": (b"{", 400),
    "blanks": (b" \n\t ", 400),
    "a list": (b"[]", 400),
    "null": (b"null", 400),
    "a text": (b'"text"', 400),
    "a number": (b"1", 400),
    "two objects": (b"{}{}", 400),
    "rubbish after the object": (b"{}\x00", 400),
    "a comment": (b"{} // nothing", 400),
    "a comma too many": (b'{"name": "a",}', 400),
    "single quotes": (b"{'name': 'a'}", 400),
    "a form": (b"name=a&spec=b", 400),
    "XML with an entity": (b'<!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/passwd">]><x>&e;</x>', 400),
    "YAML with an object": (b"!!python/object/apply:os.system [id]", 400),
    "a byte order mark": (b"\xef\xbb\xbf{}", 400),
    "UTF-16": ('{"name": "a"}'.encode("utf-16"), 400),
    "UTF-32": ('{"name": "a"}'.encode("utf-32"), 400),
    "Latin-1": ('{"name": "\u00e9"}'.encode("latin-1"), 400),
    "overlong UTF-8": (b'{"name": "\xc0\xaf"}', 400),
    "a surrogate in UTF-8": (b'{"name": "\xed\xa0\x80"}', 400),
    "UTF-8 cut off": (b'{"name": "\xf0\x9f\x98"}', 400),
    "beyond Unicode": (b'{"name": "\xf4\x90\x80\x80"}', 400),
    "a raw control character": (b'{"name": "a\x01b"}', 400),
    "a raw NUL": (b'{"name": "a\x00b"}', 400),
    "a wrong escape": (b'{"name": "\\x41"}', 400),
    "half an escape": (b'{"name": "\\u00"}', 400),
    "NaN": (b'{"name": NaN}', 400),
    "Infinity": (b'{"name": Infinity}', 400),
    "minus Infinity": (b'{"name": -Infinity}', 400),
    "a real out of range": (b'{"name": 1e999}', 400),
    "a number of 5000 digits": (b'{"name": ' + b"9" * 5000 + b"}", 400),
    "a number beyond 64 bits": (b'{"name": 99999999999999999999}', 400),
    "a hexadecimal number": (b'{"name": 0x10}', 400),
    "a leading zero": (b'{"name": 01}', 400),
    "a key twice": (b'{"name": "a", "name": "b"}', 400),
    "a key twice, once escaped": (b'{"name": "a", "n\\u0061me": "b"}', 400),
    "a key twice deep inside": (b'{"spec": {"network": {"a": 1, "a": 2}}}', 400),
    "lists without end": (b"[" * 60_000, 400),
    "objects without end": (b'{"a":' * 10_000, 400),
    "objects 5000 deep": (b'{"a":' * 5_000 + b"1" + b"}" * 5_000, 400),
    "objects 40 deep": (b'{"a":' * 40 + b"1" + b"}" * 40, 400),
    "lists 40 deep": (b'{"a":' + b"[" * 40 + b"]" * 40 + b"}", 400),
    "a text of 300 KiB": (b'{"name": "' + b"a" * 300 * _KIB + b'"}', 413),
    "300 KiB of blanks": (b" " * 300 * _KIB, 413),
    "half a surrogate pair in a key": (b'{"name": "a", "\\ud800": 1, "x"}', 400),
}
_MANY = range(3500)  # of something, in less than the 64 KiB that a machine may send

# JSON objects, but nothing that any route could do.
UNACCEPTABLE: dict[str, Any] = {
    "a prototype": {"__proto__": {"admin": True}, "constructor": {"prototype": {"admin": True}}},
    "a class": {"__class__": "Cluster", "__init__": {}, "__dict__": {}, "model_config": {"extra": "allow"}},
    "a type": {"$type": "CreateServer", "$ref": "#/components/schemas/NewCluster", "$schema": "x"},
    "a query": {"$where": "sleep(9)", "name": {"$ne": None}},
    "no key": {"": ""},
    "a key of blanks": {" name ": "a"},
    "a key in capitals": {"NAME": "a", "Spec": {}},
    "a key that looks the same": {"n\u0430me": "a"},
    "a key in full width": {"\uff4e\uff41\uff4d\uff45": "a"},
    "a key with a dot": {"spec.paused": True, "spec[0]": 1},
    "a NUL": {"name": "a\x00b"},
    "a NUL in a key": {"a\x00b": 1},
    "half a surrogate pair": {"name": "\ud800"},
    "half a surrogate pair in a key": {"\udfff": 1},
    "surrogates the wrong way round": {"name": "\udc00\ud800"},
    "a right-to-left override": {"name": "a\u202egnp.exe"},
    "marks piled up": {"name": "a" + "\u0301" * 1000},
    "a zero-width name": {"name": "\u200b\u200d\ufeff"},
    "not a character": {"name": "\ufffe\uffff\U0010ffff"},
    "digits of another script": {"name": "\u0661", "spec": {"replicas": "\u0661"}},
    "a name that shrinks when folded": {"name": "\u0130\ufb03\u1e9e"},
    "a line break": {"name": "a\r\nX-Auth-Token: x"},
    "terminal escapes": {"name": "\x1b[2J\x1b]0;x\x07"},
    "a template": {"name": "{{7*7}}${7*7}#{7*7}<%= 7*7 %>", "spec": "{0.__class__}%s%n"},
    "SQL": {"name": "x'; DROP TABLE clusters; --", "spec": "1 OR 1=1"},
    "markup": {"name": "<script>alert(1)</script>"},
    "a way out": {"name": "../../etc/passwd", "spec": "file:///etc/passwd"},
    "a command": {"name": "$(reboot)`reboot`;reboot|reboot"},
    "the largest number": {"name": 999999999999999999, "spec": {"replicas": -99999999999999999}},
    "the largest real": {"name": 1.7976931348623157e308, "spec": 5e-324},
    "minus zero": {"name": -0.0, "spec": -0},
    "everything is null but one": {"name": None, "spec": None, "labels": None, "x": None, "y": 0},
    "everything is true": {"name": True, "spec": True, "labels": True, "role": True, "machine": True},
    "everything is a list": {"name": [], "spec": [], "labels": [], "role": [], "machine": [], "groups": {}},
    "everything is an object": {"name": {}, "spec": {"a": {}}, "labels": {"a": {}}, "role": {}, "machine": {}},
    "everything is a number": {"name": 0, "spec": 0, "labels": 0, "role": 0, "machine": 0, "groups": 0},
    "everything is a text": {"name": "-", "spec": "", "labels": "", "role": "", "machine": "", "groups": ""},
    "30 levels": {"spec": reduce(lambda inner, _: [inner], range(28), list[object]())},
    "many keys": {f"k{n}": n for n in _MANY},
    "many keys that are nearly right": {f"name{n}": n for n in _MANY},
    "many keys of a spec": {"spec": {f"k{n}": n for n in _MANY}},
    "many labels": {"name": "-", "labels": {f"k {n}": "v v" for n in range(3000)}},
    "many nulls": {"spec": {"node_groups": [None] * 6000, "taints": [None] * 2000}, "groups": [None] * 1000},
    "many node groups": {"name": "-", "spec": {"node_groups": [{"name": "b"}] * 4000}},
    "many add-ons": {"name": "-", "spec": {"addons": [{"entry": "b"}] * 4000}},
    "many zones": {"name": "-", "spec": {"zones": ["z"] * 4000, "control_plane": {"zones": ["z9"] * 4000}}},
    "many groups": {"groups": ["system:x"] * 4000},
    "many taints": {"name": "-", "spec": {"taints": [{"key": "k", "effect": "x"}] * 1500}},
    "a long key": {"k" * 60_000: 1},
    "a long text": {"name": "a" * 60_000},
    "a long label": {"name": "-", "labels": {"k" * 30_000: "v" * 30_000}},
}

_TEXT = b'{"name": "a"}'
# Right bodies under the wrong flag: (headers, bytes).
HEADERS: dict[str, tuple[dict[str, str], bytes]] = {
    "plain text": ({"content-type": "text/plain"}, _TEXT),
    "a form": ({"content-type": "application/x-www-form-urlencoded"}, b"name=a"),
    "parts": ({"content-type": "multipart/form-data; boundary=x"}, b"--x\r\n\r\n{}\r\n--x--"),
    "XML": ({"content-type": "application/xml"}, b"<name>a</name>"),
    "JSON's cousin": ({"content-type": "application/json-patch+json"}, b"[]"),
    "nonsense": ({"content-type": "/;;,"}, _TEXT),
    "two at once": ({"content-type": "application/json, text/plain"}, _TEXT),
    "gzip": ({"content-type": "application/json", "content-encoding": "gzip"}, gzip.compress(_TEXT)),
    "deflate": ({"content-type": "application/json", "content-encoding": "deflate"}, zlib.compress(_TEXT)),
    "a bomb": ({"content-type": "application/json", "content-encoding": "gzip"}, gzip.compress(bytes(20_000_000))),
    "compressed twice": ({"content-type": "application/json", "content-encoding": "gzip, br"}, _TEXT),
    "compressed in name alone": ({"content-type": "application/json", "content-encoding": "zstd"}, _TEXT),
}

# In a path, in place of a cluster or a node group.
REFERENCES = (
    "%00", "a%00b", "A", "-", "none", "x" * 300, "..%2f..", "%2e%2e", "%2e", "..;", "%2fetc%2fpasswd", "%5c..%5c",
    "%252e%252e", "%ed%a0%80", "%ff", "a b", "%20", "%0d%0aX-Auth-Token:%20x", "' OR 1=1", "*", "%25", "%F0%9F%98%80",
    "%EF%BC%8E%EF%BC%8E", "shop%20", "shop%00", "shop;x=y", "SHOP", "sh%D0%BEp", "default%0a", "__proto__", "null",
    "undefined", "00000000-0000-4000-8000-000000000000", "%7B%7D", "-1", "0", "9" * 63,
)  # fmt: skip

_GET = b"GET /kaas/v1/clusters%s HTTP/1.1\r\nHost: a\r\nX-Auth-Token: ann\r\n\r\n"
_TO = b"POST /kaas/v1/clusters HTTP/1.1\r\nHost: a\r\nX-Auth-Token: ann\r\nContent-Type: application/json\r\n"
# As bytes on the line.
WIRE = {
    "nothing": b"",
    "noise": bytes(range(256)) * 4,
    "TLS": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(200),
    "HTTP/2": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "HTTP/0.9": b"GET /healthz\r\n\r\n",
    "no host": b"GET /healthz HTTP/1.1\r\n\r\n",
    "a method of its own": b"BREW /kaas/v1/clusters HTTP/1.1\r\nHost: a\r\n\r\n",
    "a tunnel": b"CONNECT example.org:443 HTTP/1.1\r\nHost: a\r\n\r\n",
    "the star": b"OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n",
    "a proxy's request": b"GET http://example.org/kaas/v1/clusters HTTP/1.1\r\nHost: a\r\n\r\n",
    "a path of slashes": b"GET ////kaas////v1/..//../clusters HTTP/1.1\r\nHost: a\r\nX-Auth-Token: ann\r\n\r\n",
    "a path in Latin-1": _GET.replace(b"%s", b"/\xe9"),
    "a long path": _GET.replace(b"%s", b"/" + b"a" * 60_000),
    "a long query": _GET.replace(b"%s", b"?" + b"label=a=b&" * 5000),
    "a query of percent signs": _GET.replace(b"%s", b"?%%%&label=%&=&&name=%zz"),
    "headers without end": b"GET /healthz HTTP/1.1\r\nHost: a\r\n" + b"X: y\r\n" * 20_000 + b"\r\n",
    "a header folded": _TO + b"If-Match: 1\r\n 2\r\n\r\n",
    "a header with a NUL": _TO + b"Idempotency-Key: a\x00b\r\n\r\n",
    "a token in Latin-1": b"GET /kaas/v1/clusters HTTP/1.1\r\nHost: a\r\nX-Auth-Token: \xe9\xff\r\n\r\n",
    "two tokens": b"GET /kaas/v1/clusters HTTP/1.1\r\nHost: a\r\nX-Auth-Token: ann\r\nX-Auth-Token: bea\r\n\r\n",
    "a negative length": _TO + b"Content-Length: -1\r\n\r\n{}",
    "a length of words": _TO + b"Content-Length: two\r\n\r\n{}",
    "two lengths": _TO + b"Content-Length: 2\r\nContent-Length: 20\r\n\r\n{}",
    "a length and chunks": _TO + b"Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "a length too large": _TO + b"Content-Length: 99999999999999999999\r\n\r\n{}",
    "less than promised": _TO + b"Content-Length: 100\r\n\r\n{",
    "bad chunks": _TO + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n{}\r\n0\r\n\r\n",
    "an unknown coding": _TO + b"Transfer-Encoding: gzip\r\n\r\n{}",
    "one request within another": _TO + b"Content-Length: 0\r\n\r\nGET /healthz HTTP/1.1\r\nHost: a\r\n\r\n",
    "an upgrade": b"GET /kaas/v1/clusters HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n",
}

# A full body of each kind, to be spoiled in every place.
_GROUP = {
    "flavor": "m1.small", "replicas": 2, "autoscaling": {"min": 1, "max": 6, "unneeded_seconds": 600,
    "spare": {"replicas": 1, "cpu_millicores": 500, "memory_mib": 512}},
    "zones": ["z1"], "labels": {"a": "b"},
    "taints": [{"key": "k", "value": "v", "effect": "NoSchedule"}], "max_surge": "25%",
    "max_unavailable": 0, "root_volume": {"type": "ssd", "size_gib": 20}, "kubernetes_version": "1.37.2",
    "drain_timeout_seconds": 600, "force_drain": False, "repair_after_seconds": 300, "repair_conditions": ["Deadlock"],
    "max_unhealthy": "40%", "keep_failed_machines": {"count": 1, "hours": 24},
}  # fmt: skip
_SPEC = {
    "kubernetes_version": "1.37.2",
    "node_image": "navarch-1.37.2",
    "running": True,
    "schedule": {"start": "08:00", "stop": "20:00", "days": ["mon"], "timezone": "Europe/Berlin"},
    "maintenance": {"start": "03:00", "hours": 4, "days": ["sun"], "timezone": "UTC"},
    "remove_stopped_workers": False, "rollout_paused": False, "soak_seconds": 60, "groups_at_once": 2,
    "automatic_upgrades": False,
    "paused": False,
    "protected": False,
    "network": {
        "external_network": "public", "subnet_id": None, "node_cidr": "10.0.0.0/24", "pod_cidr": "10.100.0.0/16",
        "service_cidr": "10.254.0.0/16", "dns_servers": ["9.9.9.9"], "public_api": True,
        "api_allowed_cidrs": ["198.51.100.0/24"],
    },
    "control_plane": {
        "replicas": 1, "flavor": "c1.small", "zones": ["z1"], "etcd_volume": {"type": "ssd", "size_gib": 10},
        "root_volume": {"type": "ssd", "size_gib": 20}, "repair_after_seconds": 300,
    },
    "ssh_keys": [],
}  # fmt: skip
GOOD: dict[str, Any] = {
    "NewCluster": {"name": "new", "labels": {"a": "b"}, "spec": _SPEC | {"node_groups": [{"name": "web"} | _GROUP]}},
    "ClusterPatch": {"labels": {"a": "b"}, "spec": _SPEC},
    "NewNodeGroup": {"name": "new", "spec": _GROUP},
    "NodeGroupPatch": {"spec": _GROUP},
    "NewAddon": {"entry": "default", "name": "new", "version": "1.0.0", "namespace": "default", "values": {"size": 3}},
    "AddonPatch": {"version": "1.0.0", "values": {"size": 3}},
    "NewKubeconfig": {"role": "admin", "groups": ["a"], "ttl_seconds": 600},
    "JoinBody": {"machine": "m0", "ticket": "t", "nonce": "n" * 32,
                 "boot": {"cloud_init_at": "2026-01-01T00:00:00Z", "uptime_seconds": 4.5}},
    "ReportBody": {"machine": "m0", "phase": "Booted", "state": "done", "at": "2026-01-01T00:00:00Z", "seconds": 1.5,
                   "log": "said"},
}  # fmt: skip
GOOD["NewCluster"]["spec"]["addons"] = [GOOD["NewAddon"]]
_ODD: tuple[Any, ...] = (None, True, -1, 1e300, "\u0000\U0001f600", "9" * 200, [[None]], {"": {}})


def spoiled(good: Any) -> Iterator[Any]:
    """The document with each of its values, one at a time, replaced by each odd one."""
    for path in _places(good, ()):
        for odd in _ODD:
            document = deepcopy(good)
            parent = document
            for part in path[:-1]:
                parent = parent[part]
            parent[path[-1]] = odd
            yield document


def _places(value: Any, path: tuple[Any, ...]) -> Iterator[tuple[Any, ...]]:
    if path:
        yield path
    children = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, child in children:
        yield from _places(child, (*path, key))
