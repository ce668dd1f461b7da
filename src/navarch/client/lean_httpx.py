"""httpx without its command line, whose import (click, pygments, half of rich) takes longer than httpx itself.

httpx falls back by itself where that module cannot be imported; it is out of sight only while httpx is loaded.
"""

import sys
from types import ModuleType
from typing import cast

_COMMAND_LINE = "httpx._main"
_hidden = _COMMAND_LINE not in sys.modules and "httpx" not in sys.modules
if _hidden:
    sys.modules[_COMMAND_LINE] = cast(ModuleType, None)
try:
    import httpx
finally:
    if _hidden:
        del sys.modules[_COMMAND_LINE]

__all__ = ["httpx"]
