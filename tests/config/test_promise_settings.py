"""A promise that the settings themselves would break is refused before the service starts."""

from __future__ import annotations

from pathlib import Path

import pytest

from anchor.config import Settings, load_settings
from anchor.errors import ConfigError

BASE = f"""
[chain]
rpc_url = "https://rpc.example.org"
contract = "0x{"c0" * 20}"
chain_id = 31337
"""


def load(folder: Path, text: str) -> Settings:
    """Write a settings file and load it."""
    path = folder / "anchor.toml"
    path.write_text(BASE + text, encoding="utf-8")
    return load_settings(path, {})


def test_defaults_promise_a_day_and_limit_nothing(tmp_path: Path) -> None:
    """Nobody who sets nothing is held back by price."""
    settings = load(tmp_path, "")

    assert settings.receipts.promise_s == 86_400
    anchoring = settings.anchoring
    assert (anchoring.daily_budget_ether, anchoring.cheap_base_fee_gwei) == (0, 0)
    assert (anchoring.cheap_wait_s, anchoring.warn_days) == (3600, 14)


@pytest.mark.parametrize(
    ("text", "least_s"),
    [
        ("[receipts]\npromise_s = {}\n", 60 + 180 + 3600),
        ("[publisher]\nreplace_after_s = 80_000\n[receipts]\npromise_s = {}\n", 60 + 80_000 + 3600),
        ("[batching]\nmax_age_s = 1000\n[receipts]\npromise_s = {}\n", 1000 + 180 + 3600),
        (
            "[anchoring]\ncheap_base_fee_gwei = 2\ncheap_wait_s = 7000\n[receipts]\npromise_s = {}\n",
            60 + 180 + 7000 + 3600,
        ),
        ("[anchoring]\ncheap_wait_s = 7000\n[receipts]\npromise_s = {}\n", 60 + 180 + 3600),
        ("[anchoring]\ndaily_budget_ether = 0.5\n[receipts]\npromise_s = {}\n", 60 + 180 + 86_400 + 3600),
    ],
)
def test_promise_must_leave_room_for_every_wait_that_is_set(tmp_path: Path, text: str, least_s: int) -> None:
    """To the second: each wait counts where it is switched on, and an hour for what goes wrong."""
    assert load(tmp_path, text.format(least_s)).receipts.promise_s == least_s
    with pytest.raises(ConfigError, match=f"promise_s must be at least {least_s}: batching.max_age_s"):
        load(tmp_path, text.format(least_s - 1))


def test_budget_asks_for_a_longer_promise_than_the_default(tmp_path: Path) -> None:
    """Whoever sets a budget alone is told what else to set."""
    with pytest.raises(ConfigError, match="a day if there is a daily budget"):
        load(tmp_path, "[anchoring]\ndaily_budget_ether = 0.5\n")
