"""Node images beside those that the lab was given."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

from demo.stack import Lab


@contextmanager
def newer_image(lab: Lab, name: str, version: str) -> Iterator[str]:
    """A public node image with the bytes of that version's, which says that it was built now. Gives its id."""
    admin = lab.connect("admin")
    try:
        good = next(i for i in admin.image.images() if i.properties.get("navarch_kubernetes_version") == version)
        says = {key: value for key, value in good.properties.items() if key.startswith(("navarch_", "os_", "hw_"))}
        says["navarch_build_date"] = f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}"
        data: Any = admin.image.download_image(good)
        made: Any = admin.image.create_image(
            name, data=data.content, disk_format=good.disk_format, container_format=good.container_format,
            visibility="public", validate_checksum=False, allow_duplicates=True, **says,
        )  # fmt: skip
        try:
            yield str(made.id)
        finally:
            admin.image.delete_image(made)
    finally:
        admin.close()
