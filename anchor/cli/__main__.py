"""Runs the command as `python -m anchor.cli`."""

from anchor.cli import main

main(prog_name="anchor")
