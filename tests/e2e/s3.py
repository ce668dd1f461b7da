"""A customer's bucket in the lab's object storage, seen as S3 clients see it."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import boto3
from botocore.config import Config
from tests.e2e.clusters import Cluster

from navarch_lab.topology import APIS, REGION, SERVICE_ADDRESS

ENDPOINT = f"https://{SERVICE_ADDRESS}:{APIS['swift'].port}"


@dataclass(frozen=True, slots=True)
class Bucket:
    """A bucket and the keys to it."""

    name: str
    access: str
    secret: str
    client: Any

    def held(self) -> set[str]:
        """What is in it."""
        pages = self.client.get_paginator("list_objects_v2").paginate(Bucket=self.name)
        return {found["Key"] for page in pages for found in page.get("Contents", [])}


@contextmanager
def bucket(one: Cluster, name: str) -> Iterator[Bucket]:
    """Within, the customer has it, empty at first, and keys of their own: those of Keystone that are called EC2's."""
    identity = one.cloud.identity
    path = f"/users/{one.cloud.current_user_id}/credentials/OS-EC2"
    made = identity.post(path, json={"tenant_id": one.cloud.current_project_id})
    assert made.ok, made.text
    pair = made.json()["credential"]
    access, secret = pair["access"], pair["secret"]
    client = boto3.client(
        "s3", endpoint_url=ENDPOINT, region_name=REGION, aws_access_key_id=access, aws_secret_access_key=secret,
        verify=str(one.customer.stack.lab.ca_file), config=Config(s3={"addressing_style": "path"}),
    )  # fmt: skip
    one.cloud.object_store.create_container(name)
    own = Bucket(name, access, secret, client)
    try:
        yield own
    finally:
        for key in own.held():
            client.delete_object(Bucket=name, Key=key)
        one.cloud.object_store.delete_container(name)
        identity.delete(f"{path}/{access}")
