"""User-data: what the metadata service may know."""

import json

import yaml
from tests.unit.bootstrap.joining import SECRETS

from navarch.bootstrap.user_data import user_data

CA = SECRETS.front_proxy_ca_cert  # any certificate will do
TEXT = user_data(
    endpoint="https://198.51.100.1:9443", ca=CA, ticket="t-1 'quoted' \"twice\"", machine="shop-3f2a91bc-web-1"
)
CONFIG = yaml.safe_load(TEXT)


def test_cloud_init_recognises_it() -> None:
    assert TEXT.startswith("#cloud-config\n")
    assert len(TEXT) < 16_000  # nova's limit is 65535 bytes of base64


def test_the_machine_finds_its_endpoint_authority_ticket_and_name() -> None:
    [file] = CONFIG["write_files"]
    assert json.loads(file["content"]) == {
        "endpoint": "https://198.51.100.1:9443",
        "ca": CA,
        "ticket": "t-1 'quoted' \"twice\"",
        "machine": "shop-3f2a91bc-web-1",
    }


def test_only_root_may_read_the_ticket() -> None:
    [file] = CONFIG["write_files"]
    assert (file["path"], file["permissions"], file["owner"]) == ("/etc/navarch/join.json", "0600", "root:root")


def test_the_machine_is_named_as_its_node_will_be() -> None:
    assert CONFIG["hostname"] == "shop-3f2a91bc-web-1"


def test_nothing_else_is_in_it() -> None:
    assert set(CONFIG) == {"hostname", "write_files"}
    assert "PRIVATE" not in TEXT


def test_people_get_in_only_with_the_keys_they_gave() -> None:
    with_keys = user_data(
        endpoint="https://x", ca=CA, ticket="t", machine="m", ssh_keys=("ssh-ed25519 AAAA me: # you",)
    )
    assert yaml.safe_load(with_keys)["ssh_authorized_keys"] == ["ssh-ed25519 AAAA me: # you"]
