"""What machines say, as OpenAPI shows it and as it is parsed. People's requests: `navarch.service`."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field


class _Body(BaseModel):
    model_config = ConfigDict(extra="ignore", strict=True)


class Boot(_Body):
    """What the machine knows of its own start."""

    cloud_init_at: str | float | None = None
    uptime_seconds: float | None = None


class JoinBody(_Body):
    """A machine shows its ticket."""

    machine: Annotated[str, Field(min_length=1, max_length=63)]
    ticket: Annotated[str, Field(min_length=1, max_length=600)]
    nonce: Annotated[str, Field(min_length=16, max_length=200)]
    boot: Boot | None = None


class ReportBody(_Body):
    """A machine says how a step of its boot goes."""

    model_config = ConfigDict(strict=False)

    machine: Annotated[str, Field(min_length=1, max_length=63)]
    phase: Annotated[str, Field(pattern=r"^[A-Za-z][A-Za-z0-9]{0,63}$")]
    state: Literal["started", "done", "failed"]
    at: Annotated[str, Field(max_length=64, json_schema_extra={"format": "date-time"})]
    seconds: Annotated[float, Field(ge=0, le=1e7)] = 0.0
    log: str = ""
