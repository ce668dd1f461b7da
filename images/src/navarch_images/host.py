"""What the machine that builds needs, installed by the builder itself."""

import os
import subprocess
from collections.abc import Callable
from pathlib import Path

from navarch_images.commands import run
from navarch_images.errors import BuildError

# Program (or file) that shows a package is there, and the package.
_NEEDED = (
    ("/usr/bin/mmdebstrap", "mmdebstrap"),
    ("/usr/bin/gcc", "gcc"),
    ("/usr/include/stdlib.h", "libc6-dev"),
    ("/usr/include/seccomp.h", "libseccomp-dev"),
    ("/usr/sbin/mke2fs", "e2fsprogs"),
    ("/usr/bin/systemctl", "systemd"),
    ("/usr/bin/tar", "tar"),
)
_POLICY = Path("/usr/sbin/policy-rc.d")
_LOCK_WAIT = 600  # seconds to wait for another package installation


def missing() -> list[str]:
    """Packages that are not there."""
    return [package for sign, package in _NEEDED if not Path(sign).exists()]


def prepare(tell: Callable[[str], None]) -> None:
    """Install what is missing (Debian's packages; no service is started) and look for Go. Raises BuildError."""
    packages = missing()
    if packages:
        if os.geteuid() != 0:
            raise BuildError(f"as root: apt-get install --no-install-recommends {' '.join(packages)}")
        tell(f"installing {', '.join(packages)}")
        environment = {"DEBIAN_FRONTEND": "noninteractive"}
        apt = ["apt-get", "-q", "-y", "-o", f"DPkg::Lock::Timeout={_LOCK_WAIT}"]
        run("package lists", [*apt, "update"], env=environment)
        ours = not _POLICY.exists()
        if ours:
            _POLICY.write_text("#!/bin/sh\nexit 101\n")
            _POLICY.chmod(0o755)
        try:
            run("packages", [*apt, "install", "--no-install-recommends", *packages], env=environment)
        finally:
            if ours:
                _POLICY.unlink(missing_ok=True)
    try:
        subprocess.run(["go", "version"], check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError) as error:
        raise BuildError("Go 1.26 or newer is needed to compile: https://go.dev/dl/") from error
