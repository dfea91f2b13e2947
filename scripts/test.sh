#!/bin/sh
# Runs the tests: all of them, or those that the arguments name.
set -eu
cd "$(dirname "$0")/.."
# Where Node.js came with the virtual environment, tests find it there.
PATH=$PATH:$PWD/.venv/bin
export PATH
exec .venv/bin/python -m pytest "$@"
