"""An installation to injure: made by an uninjured first start, and copied for each run."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path

from tests.support.storage_work import first_start
from tests.support.tracing import traced


@dataclass(frozen=True, slots=True)
class Prepared:
    """An installation with a first anchored batch, and what its chain was told."""

    folder: Path
    history: tuple[str, ...]

    def copy(self, folder: Path) -> Path:
        """Return a copy of the installation, inside a folder."""
        shutil.copytree(self.folder, folder / "installation")
        (folder / "history").write_text("\n".join(self.history), "utf-8")
        return folder / "installation"


async def prepare(folder: Path) -> Prepared:
    """Make an installation by an uninjured first start."""
    run = await traced(first_start, [str(folder / "prepared")], folder)
    assert (run.exit_code, run.lines[-1]) == (0, "done"), run.errors
    return Prepared(folder / "prepared", run.lines)
