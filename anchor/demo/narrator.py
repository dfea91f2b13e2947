"""Tells what the demonstration does, with the time since its beginning."""

from __future__ import annotations

from collections.abc import Callable

_INDENT = " " * 11


class Narrator:
    """Writes steps, remarks, commands and their output; `now_s` is a monotonic clock."""

    def __init__(self, *, write: Callable[[str], None], now_s: Callable[[], float]) -> None:
        self._write = write
        self._now_s = now_s
        self._began_s = now_s()

    @property
    def elapsed_s(self) -> float:
        """Seconds since the beginning."""
        return self._now_s() - self._began_s

    def step(self, text: str) -> None:
        """Begin a step."""
        self._write("")
        self._write(f"[{self.elapsed_s:5.1f} s]  {text}")

    def say(self, text: str) -> None:
        """Add a remark to a step."""
        for line in text.splitlines():
            self._write(f"{_INDENT}{line}".rstrip())

    def command(self, words: tuple[str, ...], output: str) -> None:
        """Show a command as a person would type it, and what it said."""
        typed = " ".join(f'"{word}"' if " " in word else word for word in words)
        self._write(f"{_INDENT}$ anchor {typed}")
        for line in output.rstrip().splitlines():
            self._write(f"{_INDENT}  {line}".rstrip())
