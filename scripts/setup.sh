#!/bin/sh
# Installs what the project needs into the checkout: .venv and node_modules. Does nothing where nothing changed.
set -eu
cd "$(dirname "$0")/.."

python=${PYTHON:-python3}
stamp=.venv/.installed
wanted=$(cat requirements.lock requirements-node.lock pyproject.toml contracts/package*.json tests/interop/package*.json | cksum)
if [ "$(cat "$stamp" 2>/dev/null)" = "$wanted" ]; then
    exit 0
fi

"$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' || {
    echo "Python 3.11 or later is needed; name one: make PYTHON=python3.12 ..." >&2
    exit 1
}

echo "setup: Python packages (hashes checked)"
[ -x .venv/bin/python ] || "$python" -m venv .venv
.venv/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
.venv/bin/python -m pip install --quiet --disable-pip-version-check --no-deps --editable .

# anvil and solc come from npm. Where there is no npm, a wheel brings Node.js into the virtual environment.
if command -v npm >/dev/null 2>&1; then
    npm=npm
else
    echo "setup: no npm here, so Node.js comes from PyPI"
    .venv/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-node.lock
    npm=$PWD/.venv/bin/npm
    PATH=$PWD/.venv/bin:$PATH
    export PATH
fi
for folder in contracts tests/interop; do
    echo "setup: npm packages of $folder"
    # Not `npm ci`: it insists on the other platforms' optional packages too.
    (cd "$folder" && "$npm" install --silent --no-audit --no-fund --no-progress)
done

printf '%s' "$wanted" >"$stamp"
