#!/bin/sh
# Sets up a bare Debian or Ubuntu machine so that `.venv/bin/pytest` runs: missing system packages (through apt, with
# sudo if needed), then a virtual environment with this project; with `dev`, its tools too. Packages have the versions
# of constraints.txt; with `newest`, the newest versions that pyproject.toml allows.
set -eu
cd "$(dirname "$0")"

dev=""
newest=""
for word in "$@"; do
    case "$word" in
        dev) dev=dev ;;
        newest) newest="in their newest versions" ;;
        *) echo "usage: ./setup.sh [dev] [newest]" >&2; exit 2 ;;
    esac
done

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
[ -z "$dev" ] || has wget || need wget # a tool that probes fall back on; its tests need it
[ -z "$dev" ] || has chromium || has google-chrome || ! grep -q '^ID=debian' /etc/os-release || need chromium # tests open report.html in it
[ -z "$dev" ] || has iptables || [ -x /usr/sbin/iptables ] || need iptables # policy engines of network plugins call them
[ -z "$dev" ] || has ipset || [ -x /usr/sbin/ipset ] || need ipset
[ -z "$dev" ] || has busybox || need busybox # some tests probe from pods that have only its tools
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
    echo "setup: apt-get reads its package lists"
    $sudo apt-get update -qq
    echo "setup: apt-get installs$missing"
    # shellcheck disable=SC2086  # a list of words is intended
    $sudo env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $missing >/dev/null
fi

# A stamp holds what the environment was made from: it is made again for another Python or other packages, not for a
# comment, nor for the tables of pyproject.toml that only configure tools.
from="$("$python" --version) $newest $(sed '/^\[tool\./,$d' pyproject.toml | cat - constraints.txt | sed 's/ *#.*//' | cksum)"
made_from() { [ "$(cat ".venv/made-from.$1" 2>/dev/null || true)" = "$from" ]; }

# pip shows its progress on a terminal; in a log it would print a line for each package.
quiet="--quiet"
[ ! -t 1 ] || quiet=""
if [ -z "$newest" ]; then # for the packages, and for those that build ours; pip reads the second since version 25.3
    export PIP_CONSTRAINT="$PWD/constraints.txt" PIP_BUILD_CONSTRAINT="$PWD/constraints.txt"
fi
pip_install() {
    # shellcheck disable=SC2086  # no option is intended if it is empty
    .venv/bin/python -m pip install $quiet --disable-pip-version-check --retries 5 --editable "$1"
}

if ! made_from runtime; then
    echo "setup: making .venv with $("$python" --version)"
    "$python" -m venv --clear .venv
    echo "setup: pip installs the packages of pyproject.toml, ${newest:-in the versions of constraints.txt} (about half a minute)"
    pip_install .
    echo "$from" > .venv/made-from.runtime
fi
if [ -n "$dev" ] && ! made_from dev; then
    echo "setup: pip adds the tools for tests and lint (about a minute)"
    pip_install '.[dev]'
    echo "$from" > .venv/made-from.dev
fi

# Modules are compiled once, also where PYTHONDONTWRITEBYTECODE has each process compile all of them again.
.venv/bin/python -m compileall -q harness || true
