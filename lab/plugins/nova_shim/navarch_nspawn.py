"""Where nova looks for the lab's driver: `compute_driver = navarch_nspawn.NspawnDriver`."""

from navarch_lab_plugins.driver import NspawnDriver

__all__ = ["NspawnDriver"]
