"""The file that the cloud controller and the Cinder CSI driver read."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from navarch.clouds.openstack.controllers import CA_FILE, cloud_conf, node_conf


def made(**changes: Any) -> str:
    values: dict[str, Any] = {
        "auth_url": "https://198.51.100.2/identity/v3",
        "region": "RegionOne",
        "user_id": "u1",
        "password": "secret",
        "trust_id": "t1",
        "subnet_id": "s1",
        "floating_network_id": "x1",
        "has_ca": True,
        "load_balancer_provider": "ovn",
        "volumes_have_zones": True,
    }
    return cloud_conf(**{**values, **changes})


def read(text: str) -> dict[str, dict[str, str]]:
    """As gcfg v1.2.3 reads it: quoted values with backslash escapes."""
    sections: dict[str, dict[str, str]] = {}
    section = ""
    for line in filter(None, text.split("\n")):
        if line.startswith("["):
            section = line.strip("[]")
            sections[section] = {}
            continue
        name, _, value = line.partition(" = ")
        assert value.startswith('"')
        assert value.endswith('"')
        characters = iter(value[1:-1])
        out = ""
        for character in characters:
            assert character != '"'
            escaped = {"n": "\n", "t": "\t", "\\": "\\", '"': '"'}
            out += escaped[next(characters)] if character == "\\" else character
        sections[section][name] = out
    return sections


def test_the_user_acts_by_its_trust_and_names_no_project() -> None:
    said = read(made())["Global"]
    assert said == {
        "auth-url": "https://198.51.100.2/identity/v3",
        "region": "RegionOne",
        "user-id": "u1",
        "password": "secret",
        "trust-id": "t1",
        "ca-file": CA_FILE,
    }


def test_a_cloud_with_a_public_certificate_needs_no_ca_file() -> None:
    assert "ca-file" not in read(made(has_ca=False))["Global"]


@pytest.mark.parametrize(("provider", "method"), [("ovn", "SOURCE_IP_PORT"), ("amphora", "ROUND_ROBIN")])
def test_the_balancing_method_is_one_the_provider_knows(provider: str, method: str) -> None:
    said = read(made(load_balancer_provider=provider))["LoadBalancer"]
    assert (said["lb-provider"], said["lb-method"]) == (provider, method)
    assert said["manage-security-groups"] == "true"
    assert (said["subnet-id"], said["floating-network-id"]) == ("s1", "x1")


PRINTABLE = st.characters(codec="utf-8", exclude_categories=("Cc", "Cs"))


@given(st.text(PRINTABLE | st.sampled_from('"\\;#\n\t ='), max_size=40))
def test_any_password_is_read_back_as_it_was(password: str) -> None:
    assert read(made(password=password))["Global"]["password"] == password


def test_a_node_is_told_how_many_volumes_a_machine_may_have_and_nothing_that_opens_anything() -> None:
    search = {"search-order": "configDrive,metadataService"}
    assert read(node_conf(23)) == {"BlockStorage": {"node-volume-attach-limit": "23"}, "Metadata": search}
    assert read(node_conf(0)) == {"BlockStorage": {}, "Metadata": search}
