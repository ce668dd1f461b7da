import json
from typing import Any

from navarch_images.sbom import bundle_bill, node_bill

DIGEST = "ab" * 32
PROGRAM = {
    "file": "bin/calico-node",
    "name": "calico-node",
    "module": "github.com/projectcalico/calico",
    "version": "v3.31.0",
    "licence": "Apache-2.0",
    "sha256": "cd" * 32,
    "libraries": {
        "golang.org/x/net": {"built": "v0.57.0", "upstream": "v0.46.0"},
        "github.com/aws/aws-sdk-go-v2/config": {"built": "./without-aws/config", "upstream": "v1.31.0"},
    },
}
IMAGE = {
    "file": "images/calico-node.tar",
    "name": "calico-node",
    "reference": "registry.navarch.internal/calico-node:v3.31.0",
    "version": "v3.31.0",
    "licence": "Apache-2.0 and the base layer's packages",
    "sha256": "ef" * 32,
    "digest": "sha256:" + "01" * 32,
}
MANIFEST = {"kubernetes": "1.37.2", "programs": [PROGRAM], "images": [IMAGE]}
NODE = {
    "kubernetes": "1.37.2",
    "os": {"distro": "debian", "version": "12", "packages": {"runc": "1:1.1+deb12u1", "bash": "5.2"}},
    "raw": {"sha256": "23" * 32},
}


def parts(bill: dict[str, Any]) -> list[dict[str, Any]]:
    """All components, those within others too."""
    return [part for top in bill["components"] for part in (top, *top.get("components", ()))]


def test_each_part_is_known_by_name_version_and_digest() -> None:
    bill = bundle_bill(MANIFEST, DIGEST)
    assert (bill["bomFormat"], bill["specVersion"], bill["version"]) == ("CycloneDX", "1.6", 1)
    assert bill["metadata"]["component"]["hashes"] == [{"alg": "SHA-256", "content": DIGEST}]
    assert {part["bom-ref"]: part.get("purl") for part in parts(bill)} == {
        "bin/calico-node": "pkg:golang/github.com/projectcalico/calico@v3.31.0",
        "bin/calico-node#golang.org/x/net": "pkg:golang/golang.org/x/net@v0.57.0",
        "bin/calico-node#github.com/aws/aws-sdk-go-v2/config": None,
        "images/calico-node.tar": f"pkg:oci/calico-node@sha256%3A{'01' * 32}",
    }


def test_a_node_image_has_its_packages_and_its_bundle() -> None:
    bill = node_bill(NODE, MANIFEST)
    assert [part["purl"] for part in bill["components"] if part["bom-ref"].startswith("deb:")] == [
        "pkg:deb/debian/bash@5.2?distro=debian-12",
        "pkg:deb/debian/runc@1%3A1.1%2Bdeb12u1?distro=debian-12",
    ]
    assert {"bin/calico-node", "images/calico-node.tar"} < {part["bom-ref"] for part in parts(bill)}


def test_the_same_build_gives_the_same_bill_and_another_one_another() -> None:
    once, again = (json.dumps(bundle_bill(MANIFEST, DIGEST)) for _ in range(2))
    assert once == again
    assert bundle_bill(MANIFEST, "00" * 32)["serialNumber"] != bundle_bill(MANIFEST, DIGEST)["serialNumber"]
    references = [part["bom-ref"] for part in parts(node_bill(NODE, MANIFEST))]
    assert len(set(references)) == len(references)
