#!/usr/bin/env bash
# Make .venv-dpmm, an environment of its own for dpmm, which `make bench` sets beside our private models.
#
# dpmm needs numpy below 2 and Python 3.11 or 3.12, so that it cannot share .venv. PYTHON=/path/to/python3.11 chooses one.
set -euo pipefail
cd "$(dirname "$0")/.."
venv=.venv-dpmm
if [ -x $venv/bin/python ] && $venv/bin/python -c 'import dpmm' 2>/dev/null; then exit 0; fi
for python in ${PYTHON:+"$PYTHON"} python3.11 python3.12; do
    "$python" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 12))' >/dev/null 2>&1 || continue
    printf '── Making %s for dpmm\n' $venv
    rm -rf $venv
    "$python" -m venv $venv && $venv/bin/python -m pip install --quiet --disable-pip-version-check dpmm==0.1.9 && exit 0
    rm -rf $venv
done
printf '── dpmm could not be installed: it needs Python 3.11 or 3.12. Its rows are left out.\n'
