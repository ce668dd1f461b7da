"""YAML as everything here writes it: by libyaml where there is one, which takes a tenth of the time."""

from typing import Any

import yaml

_Dumper = getattr(yaml, "CSafeDumper", yaml.SafeDumper)


def yaml_text(*documents: Any, sort_keys: bool = False, width: int = 80) -> str:
    """The documents, one after another, as text."""
    text: str = yaml.dump_all(documents, Dumper=_Dumper, sort_keys=sort_keys, width=width)
    return text
