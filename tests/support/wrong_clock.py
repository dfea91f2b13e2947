"""libfaketime in front of a service: a clock that is wrong, and that a test can set while the service runs."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

_FOLDERS = ("/usr/lib", "/usr/local/lib", "/opt")
_LIBRARY = next(
    (found for folder in _FOLDERS for found in sorted(Path(folder).glob("**/faketime/libfaketimeMT.so.1"))),
    None,
)

requires_faketime = pytest.mark.skipif(
    _LIBRARY is None, reason="libfaketime is not installed: apt-get install faketime"
)


class WrongClock:
    """The time of day of a process that has this environment; its monotonic clock stays right."""

    def __init__(self, folder: Path) -> None:
        self._file = folder / "faketime"
        self.set("+0s")

    def set(self, offset: str) -> None:
        """Set the clock forwards or back: `-3600s`."""
        self._file.write_text(offset + "\n", "utf-8")

    @property
    def environment(self) -> Mapping[str, str]:
        return {
            "LD_PRELOAD": str(_LIBRARY),
            "FAKETIME_TIMESTAMP_FILE": str(self._file),
            "FAKETIME_NO_CACHE": "1",
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",
            "DONT_FAKE_MONOTONIC": "1",
        }
