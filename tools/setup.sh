#!/bin/sh
# Makes .venv from the hashed lock file. Called by every target of the Makefile when .venv/.ready is missing or stale.
# PYTHON may name the interpreter; otherwise the newest suitable one on the PATH is taken.
set -eu
cd "$(dirname "$0")/.."

suitable() { "$1" -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1; }

python=""
# A candidate is run, not only looked up: version managers leave shims for versions that are not selected.
for candidate in ${PYTHON:-python3.14 python3.13 python3.12 python3.11 python3 python}; do
    if suitable "$candidate"; then python=$candidate; break; fi
done
if [ -z "$python" ]; then
    echo "countersign needs Python 3.11 or newer with its venv module (tried: ${PYTHON:-python3.14 … python3.11, python3})." >&2
    echo "Install one (on Debian: python3 and python3-venv), or name it: make PYTHON=/path/to/python3.11 …" >&2
    exit 1
fi

# What the packages are installed from and where: a changed pyproject.toml alone then costs a second only, and a checkout
# that was moved gets a new environment (the commands in the old one name its old place).
wanted=$("$python" -c 'import hashlib, os, sys
print(sys.version.split()[0], hashlib.sha256(open("requirements.lock", "rb").read()).hexdigest(), os.getcwd())')
installed=$(cat .venv/.installed 2>/dev/null || true)
rm -f .venv/.ready

if [ "$installed" != "$wanted" ] || ! .venv/bin/python -c '' 2>/dev/null; then
    count=$(grep -c '^[A-Za-z0-9].*==' requirements.lock)
    echo "countersign: setting up .venv with Python ${wanted%% *}, $count packages (about half a minute) …"
    rm -rf .venv
    "$python" -m venv .venv
    .venv/bin/python -m pip install -qq --no-input --disable-pip-version-check --require-hashes -r requirements.lock
    echo "$wanted" > .venv/.installed
fi
.venv/bin/python -m pip install -qq --no-input --disable-pip-version-check --no-deps --no-build-isolation -e .
touch .venv/.ready
