#!/bin/sh
# Brings a bare Debian or Ubuntu machine to the point where `.venv/bin/pytest` runs: system packages that are missing
# (through apt, with sudo where needed), then a virtual environment with this project; with `dev`, its tools too.
set -eu
cd "$(dirname "$0")"

has() { command -v "$1" >/dev/null 2>&1; }
has_libnftables() { ls /usr/lib/*/libnftables.so.1 /usr/lib*/libnftables.so.1 2>/dev/null | grep -q .; }
is_recent() { "$1" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; }
has_venv() { "$1" -c 'import ensurepip, venv' 2>/dev/null; }

find_python() {
    for candidate in python3 python3.14 python3.13 python3.12 python3.11; do
        if has "$candidate" && is_recent "$candidate"; then
            echo "$candidate"
            return
        fi
    done
}

missing=""
need() { missing="$missing $1"; }

has nc || need netcat-openbsd
has curl || need curl
has ping || need iputils-ping
has unshare && has setpriv || need util-linux
has_libnftables || need libnftables1
[ "${1:-}" != dev ] || has wget || need wget # one of the tools that probes fall back on; its tests need it
[ "${1:-}" != dev ] || has busybox || need busybox # pods may have its tools alone, and tests ask from such
python=$(find_python)
if [ -z "$python" ]; then
    python=python3.11
    need python3.11
    need python3.11-venv
elif ! has_venv "$python"; then
    need "$("$python" -c 'import sys; print("python3.%d-venv" % sys.version_info[1])')"
fi

if [ -n "$missing" ]; then
    if ! has apt-get; then
        echo "setup: please install, by your system's package manager:$missing" >&2
        exit 1
    fi
    sudo=""
    if [ "$(id -u)" != 0 ]; then
        has sudo || { echo "setup: please run as root: apt-get install$missing" >&2; exit 1; }
        sudo=sudo
    fi
    echo "setup: installing system packages:$missing"
    $sudo apt-get update -qq
    # shellcheck disable=SC2086  # a list of words is meant
    $sudo env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $missing >/dev/null
fi

# A stamp holds what the environment was made from; another Python or another pyproject.toml makes it anew.
from="$("$python" --version) $(cksum < pyproject.toml)"
made_from() { [ "$(cat ".venv/made-from.$1" 2>/dev/null || true)" = "$from" ]; }

if ! made_from runtime; then
    echo "setup: making .venv with $("$python" --version) and the packages of pyproject.toml"
    "$python" -m venv --clear .venv
    .venv/bin/python -m pip install --quiet --disable-pip-version-check --editable .
    echo "$from" > .venv/made-from.runtime
fi
if [ "${1:-}" = dev ] && ! made_from dev; then
    echo "setup: adding the tools for tests and lint to .venv"
    .venv/bin/python -m pip install --quiet --disable-pip-version-check --editable '.[dev]'
    echo "$from" > .venv/made-from.dev
fi
