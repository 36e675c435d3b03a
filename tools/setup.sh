#!/bin/sh
# Makes .venv and installs everything into it; `make` calls it when .venv is missing or pyproject.toml has changed.
# As root on Debian or Ubuntu it installs missing system packages; as anyone else it names the command and stops.
set -eu
cd "$(dirname "$0")/.."

as_root() { [ "$(id -u)" -eq 0 ]; }
need=""
for pair in libusb-1.0.so.0:libusb-1.0-0 libGL.so.1:libgl1 libEGL.so.1:libegl1 libgomp.so.1:libgomp1; do
    /sbin/ldconfig -p | grep -q "${pair%%:*}" || need="$need ${pair#*:}"
done

python=""
for candidate in "${PYTHON:-}" python3.11 python3.12 python3.13 python3; do
    [ -n "$candidate" ] && command -v "$candidate" >/dev/null 2>&1 || continue
    if "$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then python=$candidate; break; fi
done
[ -n "$python" ] || need="$need python3.11 python3.11-venv"
if [ -n "$python" ] && ! "$python" -c 'import ensurepip, venv' 2>/dev/null; then
    need="$need $("$python" -c 'import sys; print("python%d.%d-venv" % sys.version_info[:2])')"
fi
# PyBullet has wheels for Python 3.11 only; elsewhere pip compiles it.
if [ -n "$python" ] && ! "$python" -c 'import sys; sys.exit(sys.version_info[:2] != (3, 11))'; then
    command -v c++ >/dev/null 2>&1 || need="$need g++"
fi

if [ -n "$need" ]; then
    if as_root && command -v apt-get >/dev/null 2>&1; then
        apt-get update -qq
        DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $need
        [ -n "$python" ] || python=python3.11
    else
        echo "setup: these system packages are missing:$need" >&2
        echo "setup: install them, then run the same command again:  sudo apt-get install -y$need" >&2
        exit 1
    fi
fi

[ -x .venv/bin/python ] || "$python" -m venv .venv
.venv/bin/python -m pip install --quiet --disable-pip-version-check --upgrade pip
.venv/bin/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev]'
.venv/bin/python -m compileall -q agent perception planning policies sim
touch .venv/.installed
