"""How the commands' help shows examples."""

from __future__ import annotations


def examples(*lines: str) -> str:
    """Return the examples at the end of a command's help, laid out as they are."""
    # The backspace tells click not to wrap what follows.
    return "\n".join(["\b", "Examples:", *(f"  {line}" for line in lines)])
