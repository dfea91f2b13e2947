"""How many bytes of request bodies are in memory at once."""

from __future__ import annotations

from anchor.errors import Overloaded

RETRY_AFTER_S = 5
"""A large body is read and stored in less."""


class BodyBudget:
    """
    Bytes for the bodies of all requests under way.

    They are taken as they come, not as they are announced: to announce a body and send nothing costs nobody else.
    """

    def __init__(self, *, limit_bytes: int) -> None:
        self._limit_bytes = limit_bytes
        self._held_bytes = 0

    @property
    def held_bytes(self) -> int:
        """How many are taken."""
        return self._held_bytes

    def take(self, size_bytes: int) -> None:
        """Take bytes, or raise Overloaded where there are not so many left."""
        if self._held_bytes + size_bytes > self._limit_bytes:
            raise Overloaded(
                f"requests under way fill the {self._limit_bytes} bytes kept for bodies: try again later",
                retry_after_s=RETRY_AFTER_S,
            )
        self._held_bytes += size_bytes

    def give_back(self, size_bytes: int) -> None:
        """Give back what was taken."""
        self._held_bytes -= size_bytes
