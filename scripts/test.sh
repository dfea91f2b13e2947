#!/bin/sh
# Runs the tests: all of them, on every core, or those that the arguments name.
set -eu
cd "$(dirname "$0")/.."
# Where Node.js came with the virtual environment, tests find it there.
PATH=$PATH:$PWD/.venv/bin
export PATH
# A file's tests stay together: many share a chain or a service. tests/conftest.py says which begin, not their number.
[ "$#" -gt 0 ] || set -- -n auto --dist loadfile --no-loadscope-reorder
exec .venv/bin/python -m pytest "$@"
