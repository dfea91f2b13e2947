"""A short soak with a fixed seed; `make soak` runs for longer, with another one each time."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from tests.soak.outcome import Outcome
from tests.soak.run import soak

SECONDS = 20.0
SEED = 1
SOUND = Outcome(
    seed=SEED,
    seconds=1.0,
    faults={"kill -9": 2},
    starts=3,
    requests=4,
    repeats=1,
    digests=10,
    lost=0,
    twice=0,
    changes=1,
    changes_lost=0,
    sequences=2,
    reverted=0,
    fsck=0,
    audit=0,
    violations=(),
)


@pytest.mark.anvil
async def test_short_soak_loses_nothing(tmp_path: Path) -> None:
    """Kills, reorganisations, outages and fee spikes under load: every acknowledged digest is final, in one leaf."""
    outcome = await soak(folder=tmp_path / "service", seconds=SECONDS, seed=SEED, on_progress=lambda _: None)

    assert outcome.is_sound, (outcome.table(), outcome.violations)
    assert min(outcome.digests, outcome.sequences, sum(outcome.faults.values())) > 0


@pytest.mark.parametrize(
    "change",
    [
        {"lost": 1},
        {"twice": 1},
        {"changes_lost": 1},
        {"fsck": 1},
        {"audit": 3},
        {"violations": ("a secret is in the log",)},
    ],
)
def test_outcome_with_any_loss_is_not_sound(change: dict[str, object]) -> None:
    """The exit code of `make soak` follows from this."""
    assert SOUND.is_sound
    assert not replace(SOUND, **change).is_sound  # type: ignore[arg-type]  # a field by name


def test_table_names_every_fault_and_figure() -> None:
    """One line each, the faults first."""
    lines = SOUND.table().splitlines()

    assert lines[0].split() == ["kill", "-9", "2"]
    assert ["digests", "lost", "0"] in [line.split() for line in lines]
