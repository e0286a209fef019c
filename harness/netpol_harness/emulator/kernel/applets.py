"""Tools of busybox, if this host has it: every sandbox sees a folder of links that are named after them."""

import shutil
import subprocess
from pathlib import Path

from netpol_harness.emulator.kernel.syscalls import Mount, mount, read_only_without_setuid

LINKS = "/mnt"
"""The folder of the links. Sandboxes have no other use for it."""


def create_links() -> bool:
    """Create the links in the calling thread's mount namespace. Return whether there are any."""
    busybox = shutil.which("busybox")
    if busybox is None or not Path(LINKS).is_dir():
        return False
    listing = subprocess.run([busybox, "--list"], capture_output=True, text=True, check=False, timeout=10)
    names = [name for name in listing.stdout.split() if "/" not in name]
    mount("tmpfs", LINKS, "tmpfs", Mount.NOSUID | Mount.NODEV, "mode=755,size=1m")
    for name in names:
        Path(LINKS, name).symlink_to(busybox)
    read_only_without_setuid(LINKS)
    return bool(names)
