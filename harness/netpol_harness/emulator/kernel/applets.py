"""busybox's tools, where this host has it: a folder of links by whose names it is called, in every sandbox."""

import shutil
import subprocess
from pathlib import Path

from netpol_harness.emulator.kernel.syscalls import Mount, mount, read_only_without_setuid

FOLDER = "/mnt"
"""Where the links are; sandboxes have no other use for it."""


def provide() -> bool:
    """Put the links in place for the calling thread's mount namespace; whether there are any."""
    busybox = shutil.which("busybox")
    if busybox is None or not Path(FOLDER).is_dir():
        return False
    listed = subprocess.run([busybox, "--list"], capture_output=True, text=True, check=False, timeout=10)
    names = [name for name in listed.stdout.split() if "/" not in name]
    mount("tmpfs", FOLDER, "tmpfs", Mount.NOSUID | Mount.NODEV, "mode=755,size=1m")
    for name in names:
        Path(FOLDER, name).symlink_to(busybox)
    read_only_without_setuid(FOLDER)
    return bool(names)
