"""A store with hooks before and after its methods, to crash at one point or to let others act there."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

from anchor.store.protocol import Store

Hook = Callable[[], Awaitable[None]]


class Crash(BaseException):
    """The process ends here: nothing catches it."""


async def crash() -> None:
    """End the process."""
    raise Crash


@dataclass(slots=True)
class Hooks:
    """What to do before a method of the store is called, and after it returned; by the method's name."""

    before: dict[str, Hook] = field(default_factory=dict)
    after: dict[str, Hook] = field(default_factory=dict)

    def clear(self) -> None:
        """Do nothing any more."""
        self.before.clear()
        self.after.clear()


class Interposed:
    """Passes every call on to a store, between its hooks; each hook runs once."""

    def __init__(self, store: Store, hooks: Hooks) -> None:
        self._store = store
        self._hooks = hooks

    def __getattr__(self, name: str) -> Callable[..., Awaitable[Any]]:
        method = getattr(self._store, name)

        async def call(*arguments: Any, **named: Any) -> Any:
            if name in self._hooks.before:
                await self._hooks.before.pop(name)()
            result = await method(*arguments, **named)
            if name in self._hooks.after:
                await self._hooks.after.pop(name)()
            return result

        return call
