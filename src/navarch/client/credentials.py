"""Whose credentials, for which cloud: clouds.yaml and OS_* variables, read the way every OpenStack tool reads them.

openstacksdk's own reader would do, but importing it takes longer than everything else a command does; it is used only
for an entry with a vendor `profile`, whose files it carries.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from navarch.client.errors import NotConfigured

_AUTH_OPTIONS = (
    "auth_url", "username", "user_id", "password", "passcode", "token", "trust_id", "system_scope",
    "project_name", "project_id", "tenant_name", "tenant_id", "project_domain_name", "project_domain_id",
    "user_domain_name", "user_domain_id", "domain_name", "domain_id", "default_domain_name", "default_domain_id",
    "application_credential_id", "application_credential_name", "application_credential_secret",
    "identity_provider", "protocol", "access_token", "access_token_endpoint", "discovery_endpoint", "client_id",
    "client_secret", "openid_scope",
)  # fmt: skip
_VARIABLES = "the variables OS_AUTH_URL, OS_USERNAME, OS_PASSWORD and OS_PROJECT_NAME"


@dataclass(frozen=True, slots=True)
class Credentials:
    """How to reach a cloud's Keystone. `cacert` is a file of trusted CAs, `source` says where all this was found."""

    auth_type: str
    auth: Mapping[str, Any] = field(repr=False)
    cloud: str = ""
    source: str = ""
    region: str | None = None
    interface: str = "public"
    verify: bool = True
    cacert: str | None = None
    cert: str | None = None
    key: str | None = None
    endpoint: str | None = None


def find_credentials(cloud: str | None, region: str | None, environ: Mapping[str, str]) -> Credentials:
    """The credentials of `cloud`, else of OS_CLOUD, else of the OS_* variables, else of the only cloud in clouds.yaml.

    Raises NotConfigured, naming the files that were looked at and the clouds there are.
    """
    cloud = cloud or environ.get("OS_CLOUD") or None
    region = region or environ.get("OS_REGION_NAME") or None
    if cloud is None and (environ.get("OS_AUTH_URL") or environ.get("OS_AUTH_TYPE")):
        return _from_environment(region, environ)
    path, clouds = _read_clouds(environ)
    if path is None:
        looked = ", ".join(dict.fromkeys(str(p.with_suffix(".yaml")) for p in _candidates("clouds", environ)))
        raise NotConfigured(
            f"no credentials: no clouds.yaml (looked at {looked}) and no OS_AUTH_URL. "
            f"Set OS_CLOUD and OS_CLIENT_CONFIG_FILE, or {_VARIABLES}."
        )
    names = ", ".join(sorted(clouds)) or "none"
    if cloud is None:
        if len(clouds) != 1:
            raise NotConfigured(f"which cloud? {path} has: {names}. Use --os-cloud NAME or set OS_CLOUD.")
        cloud = next(iter(clouds))
    if cloud not in clouds:
        raise NotConfigured(f"cloud {cloud!r} is not in {path}, which has: {names}.")
    entry = clouds[cloud]
    if not isinstance(entry, dict):
        raise NotConfigured(f"cloud {cloud!r} in {path} is not a mapping.")
    if entry.get("profile"):
        entry = _with_profile(cloud, region)
    return _from_entry(entry, cloud=cloud, source=str(path), region=region, environ=environ)


def _from_environment(region: str | None, environ: Mapping[str, str]) -> Credentials:
    auth = {name: value for name in _AUTH_OPTIONS if (value := environ.get("OS_" + name.upper()))}
    entry: dict[str, Any] = {
        "auth": auth,
        "auth_type": environ.get("OS_AUTH_TYPE"),
        "interface": environ.get("OS_INTERFACE") or environ.get("OS_ENDPOINT_TYPE"),
        "verify": environ.get("OS_INSECURE", "").lower() not in ("1", "true", "yes"),
        "cert": environ.get("OS_CERT"),
        "key": environ.get("OS_KEY"),
    }
    return _from_entry(entry, cloud="", source="OS_* variables", region=region, environ=environ)


def _from_entry(
    entry: Mapping[str, Any], *, cloud: str, source: str, region: str | None, environ: Mapping[str, str]
) -> Credentials:
    auth = {str(k).replace("-", "_"): v for k, v in (entry.get("auth") or {}).items() if v is not None}
    for new, old in (("project_name", "tenant_name"), ("project_id", "tenant_id")):
        if old in auth:
            auth.setdefault(new, auth.pop(old))
    auth_type = entry.get("auth_type") or _guess_auth_type(auth)
    if "auth_url" not in auth and auth_type not in ("none", "http_basic", "admin_token"):
        raise NotConfigured(f"no auth_url in {source}{f' for cloud {cloud!r}' if cloud else ''}.")
    interface = str(entry.get("interface") or entry.get("endpoint_type") or "public").removesuffix("URL")
    cacert = environ.get("OS_CACERT") or entry.get("cacert")
    if cacert and not Path(cacert).expanduser().is_file():
        raise NotConfigured(f"the CA file {cacert} (cacert of {source} or OS_CACERT) does not exist.")
    verify = entry.get("verify", True)
    return Credentials(
        auth_type=str(auth_type),
        auth=auth,
        cloud=cloud,
        source=source,
        region=region or entry.get("region_name") or _first_region(entry),
        interface=interface,
        verify=verify if isinstance(verify, bool) else str(verify).lower() not in ("false", "0", "no"),
        cacert=str(Path(cacert).expanduser()) if cacert else None,
        cert=entry.get("cert"),
        key=entry.get("key"),
        endpoint=entry.get("kubernetes_endpoint_override"),
    )


def _guess_auth_type(auth: Mapping[str, Any]) -> str:
    if "application_credential_id" in auth or "application_credential_name" in auth:
        return "v3applicationcredential"
    if "token" in auth and "password" not in auth:
        return "token"
    return "password"


def _first_region(entry: Mapping[str, Any]) -> str | None:
    regions = entry.get("regions") or []
    first = regions[0] if regions else None
    return first.get("name") if isinstance(first, dict) else first


def _with_profile(cloud: str, region: str | None) -> Mapping[str, Any]:
    from openstack.config import OpenStackConfig

    config: Mapping[str, Any] = OpenStackConfig().get_one(cloud=cloud, region_name=region).config
    return config


def _candidates(stem: str, environ: Mapping[str, str]) -> list[Path]:
    """The places of clouds.yaml (`stem` clouds) or secure.yaml (`stem` secure), in the order they are looked at."""
    explicit = environ.get("OS_CLIENT_CONFIG_FILE" if stem == "clouds" else "OS_CLIENT_SECURE_FILE")
    home = Path(environ.get("XDG_CONFIG_HOME") or Path.home() / ".config")
    folders = [Path(), home / "openstack", Path("/etc/openstack")]
    found = [folder / f"{stem}{suffix}" for folder in folders for suffix in (".yaml", ".yml", ".json")]
    return [Path(explicit).expanduser(), *found] if explicit else found


def _read_clouds(environ: Mapping[str, str]) -> tuple[Path | None, dict[str, Any]]:
    path = next((p for p in _candidates("clouds", environ) if p.is_file()), None)
    if path is None:
        return None, {}
    clouds = _read_yaml(path).get("clouds") or {}
    if not isinstance(clouds, dict):
        raise NotConfigured(f"`clouds` in {path} is not a mapping.")
    secure = next((p for p in _candidates("secure", environ) if p.is_file()), None)
    if secure is not None:
        clouds = _merged(clouds, _read_yaml(secure).get("clouds") or {})
    return path, clouds


def _read_yaml(path: Path) -> dict[str, Any]:
    import yaml

    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    try:
        value = yaml.load(path.read_text(), Loader=loader)  # noqa: S506 - a safe loader, the C one where there is one
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise NotConfigured(f"{path} cannot be read: {error}") from error
    if not isinstance(value, dict):
        raise NotConfigured(f"{path} is not a mapping.")
    return value


def _merged(base: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    result = dict(base)
    for key, value in over.items():
        old = result.get(key)
        result[key] = _merged(old, value) if isinstance(old, dict) and isinstance(value, dict) else value
    return result
