"""Add-ons as people ask for them: in a cluster that is there, and with a new one."""

from typing import Any

from pydantic import Field

from navarch.service.understanding import Asked


class NewAddon(Asked):
    """An add-on of the catalogue for a cluster."""

    entry: str | None = Field(default=None, description="Name of the catalogue's entry.")
    name: str | None = Field(default=None, description="Its name in this cluster. Default: the entry's.")
    version: str | None = Field(default=None, description="Default: the newest for the cluster's Kubernetes.")
    namespace: str | None = Field(default=None, description="Where it goes. Default: what the entry says.")
    values: dict[str, Any] | None = Field(default=None, description="What is other than the entry's defaults.")


class AddonPatch(Asked):
    """What is to be changed of an add-on."""

    version: str | None = Field(default=None, description="Another version of the entry.")
    values: dict[str, Any] | None = Field(
        default=None, description="Merged into the values; null in the place of a value has it as the entry says again."
    )
