"""The node image's way into a cloud: an upload to glance, once per content."""

from collections.abc import Callable, Mapping
from typing import Any, Protocol

from navarch_images.errors import RegisterError
from navarch_images.node import NodeImage
from navarch_images.release import Release

DIGEST_PROPERTY = "navarch_image_digest"


class ImageService(Protocol):
    """What of openstacksdk's image proxy is used here."""

    def images(self, **query: Any) -> Any:
        """Images that match; each with id, name, status and a mapping `properties`."""

    def create_image(self, name: str, **fields: Any) -> Any:
        """Create an image and upload its file."""

    def get_image(self, image: Any) -> Any:
        """The image as it is now."""


def properties(release: Release, facts: Mapping[str, Any]) -> dict[str, str]:
    """What the image says about itself; Navarch reads these to choose an image and to know its components."""
    return {
        "os_type": "linux",
        "os_distro": "debian",
        "os_version": release.os_version,
        # Seconds that Nova gives a machine to shut itself down, whatever the cloud's own default is.
        "os_shutdown_timeout": "60",
        "navarch_kubernetes_version": release.kubernetes,
        "navarch_bundle": str(facts["bundle"]),
        "navarch_components": str(facts["components"]),
        "navarch_build_date": str(facts["built"]),
        DIGEST_PROPERTY: str(facts["digest"]),
    }


def register(service: ImageService, release: Release, image: NodeImage, tell: Callable[[str], None]) -> str:
    """Upload the image unless an active one with the same digest is there; returns glance's id.

    Raises RegisterError.
    """
    # Compared here: the SDK drops a query for a property it has no name for, and every image would match.
    for found in service.images(visibility="public"):
        if found.status == "active" and found.properties.get(DIGEST_PROPERTY) == image.digest:
            tell(f"already there as {found.name} ({found.id})")
            return str(found.id)
    name = f"navarch-node-{release.kubernetes}-{image.digest[:8]}"
    tell(f"uploading {image.raw.stat().st_size >> 20} MiB as {name}")
    made = service.create_image(
        name,
        filename=str(image.raw),
        disk_format="raw",
        container_format="bare",
        visibility="public",
        min_disk=-(-image.raw.stat().st_size // (1 << 30)),
        validate_checksum=False,
        allow_duplicates=True,
        **properties(release, image.facts),
    )
    # What the SDK returns was read before the upload.
    status = service.get_image(made).status
    if status != "active":
        raise RegisterError(f"glance took {name} but calls it {status}, not active")
    tell(f"registered {name} ({made.id})")
    return str(made.id)


def connect(cloud: str) -> ImageService:
    """The image service of a cloud in clouds.yaml. Raises RegisterError."""
    import openstack  # loading it takes a second, which only this command should pay
    from openstack import exceptions

    try:
        service: ImageService = openstack.connect(cloud=cloud).image
    except exceptions.SDKException as error:
        raise RegisterError(f"cloud {cloud}: {error}") from error
    return service
