"""What a bundle and a node image consist of, as CycloneDX 1.6 (https://cyclonedx.org/docs/1.6/json/).

Pure, and made of what builds write down anyway, so that the same build gives the same bill. Of a program's Go modules
those are named that are of another version than its authors released it with; all of them are in the program itself
(`go version -m`).
"""

import uuid
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import quote

Json = dict[str, Any]
Facts = Mapping[str, Any]
_NAMESPACE = uuid.UUID("5e0a6e3c-6b3b-5d0e-9a53-0d6d6d9a7f10")  # of nothing else: serial numbers are made in it


def bundle_bill(manifest: Facts, digest: str) -> Json:
    """Of a bundle. `digest`: the SHA-256 that is its name."""
    return _bill("navarch-bundle", manifest["kubernetes"], digest, [*_programs(manifest), *_images(manifest)])


def node_bill(node: Facts, manifest: Facts) -> Json:
    """Of a node image, with the bundle in it. `node`: what its node.json says."""
    system = node["os"]
    packages = [_package(system, name, version) for name, version in sorted(system["packages"].items())]
    parts = [*_programs(manifest), *_images(manifest), *packages]
    return _bill("navarch-node", node["kubernetes"], node["raw"]["sha256"], parts)


def _bill(name: str, version: str, digest: str, components: list[Json]) -> Json:
    return {
        "$schema": "http://cyclonedx.org/schema/bom-1.6.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "serialNumber": f"urn:uuid:{uuid.uuid5(_NAMESPACE, f'{name} {digest}')}",
        "version": 1,
        "metadata": {
            "component": {
                "type": "operating-system" if name == "navarch-node" else "platform",
                "bom-ref": name,
                "name": name,
                "version": version,
                "hashes": [_sha256(digest)],
            }
        },
        "components": components,
    }


def _programs(manifest: Facts) -> Iterator[Json]:
    for program in manifest["programs"]:
        made: Json = {
            "type": "application",
            "bom-ref": program["file"],
            "name": program["name"],
            "version": program["version"],
            "licenses": _licences(program),
            "hashes": [_sha256(program["sha256"])],
        }
        if program.get("module"):
            made["purl"] = _golang(program["module"], program["version"])
        libraries = [
            _library(program["file"], name, versions["built"])
            for name, versions in sorted(program.get("libraries", {}).items())
        ]
        yield {**made, "components": libraries} if libraries else made


def _library(of: str, name: str, version: str) -> Json:
    made = {"type": "library", "bom-ref": f"{of}#{name}", "name": name, "version": version}
    # A folder of ours in the place of a module is not to be had by that name and version.
    return made if version.startswith(".") else {**made, "purl": _golang(name, version)}


def _images(manifest: Facts) -> Iterator[Json]:
    for image in manifest["images"]:
        yield {
            "type": "container",
            "bom-ref": image["file"],
            "name": image["reference"].rpartition(":")[0],
            "version": image["version"],
            "licenses": _licences(image),
            "hashes": [_sha256(image["sha256"])],
            "purl": f"pkg:oci/{image['name']}@{quote(image['digest'], safe='')}",
        }


def _package(system: Facts, name: str, version: str) -> Json:
    distro = f"{system['distro']}-{system['version']}"
    return {
        "type": "library",
        "bom-ref": f"deb:{name}",
        "name": name,
        "version": version,
        "purl": f"pkg:deb/{system['distro']}/{name}@{quote(version, safe='')}?distro={quote(distro, safe='')}",
    }


def _licences(part: Facts) -> list[Json]:
    """As they are written down: some are words, which no expression of SPDX's would be."""
    return [{"license": {"name": part["licence"]}}]


def _golang(module: str, version: str) -> str:
    return f"pkg:golang/{module}@{quote(version, safe='')}"


def _sha256(digest: str) -> Json:
    return {"alg": "SHA-256", "content": digest}
