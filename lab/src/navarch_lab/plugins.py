"""Putting our in-process plugins where the services find them, without touching the installed services.

A folder on the services' Python path holds the plugin package and its entry points. nova is the exception: it loads
compute drivers from its own package `nova.virt` alone, so nova-compute starts through a launcher that adds one folder
to that package's search path.
"""

import importlib.util
from pathlib import Path

from navarch_lab.layout import Layout
from navarch_lab.progress import LabError

PACKAGE = "navarch_lab_plugins"
_LAUNCHER = '''\
"""nova-compute, with one more folder in which it looks for compute drivers."""

import sys
from pathlib import Path

import nova.virt

nova.virt.__path__.append(str(Path(__file__).parent / "nova_virt"))

from nova.cmd.compute import main  # noqa: E402

sys.exit(main())
'''
_ENTRY_POINTS = f"""\
[neutron.ml2.mechanism_drivers]
navarch_hosts = {PACKAGE}.neutron_hosts:HostsMechanismDriver
"""


def launcher(layout: Layout) -> Path:
    """The program to run in place of `nova-compute`."""
    return layout.plugins / "nova_compute.py"


def lay_out(layout: Layout) -> None:
    """Fill the folder anew. Plugins are linked, not copied: a restarted service has the newest."""
    spec = importlib.util.find_spec(PACKAGE)
    if spec is None or not spec.submodule_search_locations:
        raise LabError(f"{PACKAGE} is not installed beside navarch-lab", remedy="install the whole distribution")
    folder = layout.plugins
    information = folder / f"{PACKAGE}-1.dist-info"
    (folder / "nova_virt").mkdir(parents=True, exist_ok=True)
    information.mkdir(exist_ok=True)
    link = folder / PACKAGE
    if link.is_symlink():
        link.unlink()
    link.symlink_to(next(iter(spec.submodule_search_locations)))
    (information / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {PACKAGE}\nVersion: 1\n")
    (information / "entry_points.txt").write_text(_ENTRY_POINTS)
    driver = (
        f'"""The lab\'s compute driver, under the name nova asks for."""\n\nfrom {PACKAGE}.driver import NspawnDriver\n'
    )
    (folder / "nova_virt" / "navarch_nspawn.py").write_text(driver + '\n__all__ = ["NspawnDriver"]\n')
    launcher(layout).write_text(_LAUNCHER)
