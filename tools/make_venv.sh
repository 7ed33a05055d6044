#!/usr/bin/env bash
# Make or refresh a virtual environment: make_venv.sh FOLDER EXTRA[,EXTRA...]
set -euo pipefail
cd "$(dirname "$0")/.."
folder=$1 extras=$2

fail() { echo "make_venv.sh: $*" >&2; exit 3; }

find_python() {
    local name
    for name in python3 python3.14 python3.13 python3.12 python3.11; do
        if command -v "$name" >/dev/null &&
            "$name" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
            echo "$name"
            return
        fi
    done
    fail "no Python 3.11 or newer; install python3"
}

# Debian ships Python without the part that makes virtual environments.
bring_venv_module() {
    "$1" -c 'import ensurepip, venv' 2>/dev/null && return
    if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
        apt-get -o Acquire::Retries=3 update -qq
        DEBIAN_FRONTEND=noninteractive apt-get -o DPkg::Lock::Timeout=300 -o Acquire::Retries=3 install -y -qq --no-install-recommends python3-venv
    else
        fail "Python has no venv module; run as root: apt-get install python3-venv"
    fi
}

if [ ! -x "$folder/bin/python" ]; then
    python=$(find_python)
    bring_venv_module "$python"
    "$python" -m venv "$folder"
fi
# uv resolves and installs many times faster; without it pip does the same work.
if "$folder/bin/python" -m pip install --quiet --disable-pip-version-check uv; then
    "$folder/bin/uv" pip install --quiet --python "$folder/bin/python" --editable ".[$extras]"
else
    "$folder/bin/python" -m pip install --quiet --disable-pip-version-check --editable ".[$extras]"
fi
touch "$folder/.made"
