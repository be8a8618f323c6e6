#!/usr/bin/env bash
# Set up .venv, and what the tests need besides: a browser and a PostgreSQL server.
#
#   scripts/setup.sh demo    synthdata with its connectors and the dashboard
#   scripts/setup.sh test    the same, and everything the tests and linters use
#
# Works as root or not. What needs root is tried with `sudo -n`; what cannot be installed is said, and never
# stops the rest. PYTHON=/path/to/python3 chooses the interpreter.
set -euo pipefail
cd "$(dirname "$0")/.."
purpose=${1:-demo}
venv=.venv
missing=()

say() { printf '── %s\n' "$*"; }
fail() { printf 'Error: %s\n' "$*" >&2; exit 2; }

as_root() {
    if [ "$(id -u)" -eq 0 ]; then "$@"
    elif command -v sudo >/dev/null && sudo -n true 2>/dev/null; then sudo -n "$@"
    else return 1
    fi
}

install_packages() {  # Debian and Ubuntu packages; false where there is no apt-get or no right to use it
    command -v apt-get >/dev/null || return 1
    as_root env DEBIAN_FRONTEND=noninteractive apt-get update -qq >/dev/null 2>&1 || return 1
    as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$@" >/dev/null 2>&1
}

usable() { "$1" -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1; }

find_python() {
    local name
    for name in ${PYTHON:+"$PYTHON"} python3.11 python3.12 python3.13 python3; do
        if usable "$name"; then echo "$name"; return; fi
    done
    return 1
}

make_venv() {
    if [ -x $venv/bin/python ] && usable $venv/bin/python && $venv/bin/python -m pip --version >/dev/null 2>&1; then return; fi
    local python
    if [ -n "${PYTHON:-}" ] && ! usable "$PYTHON"; then fail "PYTHON=$PYTHON is not Python 3.11 or newer."; fi
    if ! python=$(find_python); then
        install_packages python3 python3-venv || true
        python=$(find_python) || fail "Python 3.11 or newer was not found. Install it, or name it: PYTHON=/path/to/python3 make $purpose"
    fi
    if ! "$python" -c 'import ensurepip, venv' 2>/dev/null; then
        local version
        version=$("$python" -c 'import sys; print("python%d.%d" % sys.version_info[:2])')
        say "$python has no venv module; installing $version-venv"
        install_packages "$version-venv" || install_packages python3-venv ||
            fail "$python cannot make virtual environments. Install the package that can: sudo apt-get install $version-venv"
    fi
    say "Making $venv with $("$python" --version)"
    rm -rf $venv
    "$python" -m venv $venv
}

install() {  # Python compiles the modules that are used when they are first imported; all of them would take far longer
    $venv/bin/python -m pip install --quiet --disable-pip-version-check --no-compile --constraint constraints.txt "$@"
}

install_synthdata() {
    local stamp=$venv/.installed-$purpose wanted extras
    wanted=$(cat pyproject.toml constraints.txt | cksum)
    if [ -f "$stamp" ] && [ "$(cat "$stamp")" = "$wanted" ]; then return; fi
    if [ "$purpose" = test ]; then
        extras=dev
        # PyTorch comes first: what follows would otherwise pull in its newest version.
        say "Installing PyTorch (the longest step)"
        install torch
    else
        extras=sql,duckdb,s3,excel,dashboard
    fi
    say "Installing synthdata[$extras]"
    install --editable ".[$extras]"
    echo "$wanted" >"$stamp"
}

browser_works() { $venv/bin/python scripts/browser.py >/dev/null 2>&1; }

install_browser() {
    browser_works && return
    say "Installing Chromium for the browser tests"
    $venv/bin/python -m playwright install chromium >/dev/null 2>&1 || true
    browser_works && return
    as_root "$PWD/$venv/bin/python" -m playwright install-deps chromium >/dev/null 2>&1 || true
    browser_works && return
    install_packages chromium || true
    browser_works && return
    missing+=("Chromium: the browser tests are skipped. Install it with: sudo $venv/bin/python -m playwright install --with-deps chromium")
}

install_axe() {  # into .venv, from the npm registry; nothing of it is part of this repository
    local version=4.14.1 place=$venv/axe-core
    if grep -qs "\"version\": \"$version\"" $place/node_modules/axe-core/package.json; then return; fi
    if command -v npm >/dev/null; then
        say "Installing axe-core for the accessibility tests"
        npm install --silent --prefix $place --no-save --ignore-scripts --no-audit --no-fund "axe-core@$version" \
            >/dev/null 2>&1 && return
    fi
    missing+=("axe-core: the accessibility tests are skipped. Install npm, then: npm install --prefix $venv/axe-core axe-core@$version")
}

postgres_found() {
    local program
    for program in "$(command -v initdb || true)" /usr/lib/postgresql/*/bin/initdb; do
        if [ -x "$program" ]; then return 0; fi
    done
    return 1
}

install_postgres() {
    postgres_found && return
    say "Installing PostgreSQL for the connector tests"
    install_packages postgresql || true
    postgres_found && return
    missing+=("PostgreSQL: its tests are skipped. Install it with: sudo apt-get install postgresql")
}

case $purpose in demo | test) ;; *) fail "unknown purpose '$purpose'; use demo or test" ;; esac
make_venv
install_synthdata
if [ "$purpose" = test ]; then
    install_browser
    install_postgres
    install_axe
fi
for line in ${missing[@]+"${missing[@]}"}; do say "Could not be installed: $line"; done
