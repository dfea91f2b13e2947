"""One line on a terminal that is written over while a long command works."""

from __future__ import annotations

import sys

import click

_BAR_CELLS = 24


class CountLine:
    """Shows how much is done of how much, where stderr is a terminal; programs and cron see nothing of it."""

    def __init__(self, what: str) -> None:
        self._what = what
        self._is_terminal = sys.stderr.isatty()
        self._width = 0

    def show(self, done: int, total: int) -> None:
        """Write the line anew."""
        if not self._is_terminal:
            return
        cells = _BAR_CELLS if total == 0 else _BAR_CELLS * done // total
        line = f"[{'#' * cells}{'.' * (_BAR_CELLS - cells)}] {done:,} of {total:,} {self._what}"
        click.echo("\r" + line.ljust(self._width), err=True, nl=False)
        self._width = len(line)

    def clear(self) -> None:
        """Remove the line."""
        if self._is_terminal and self._width:
            click.echo("\r" + " " * self._width + "\r", err=True, nl=False)
