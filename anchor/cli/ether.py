"""Amounts of ether, as people read them before they spend any."""

from __future__ import annotations

from decimal import ROUND_DOWN, ROUND_UP, Context, Decimal

_WEI_PER_ETHER = Decimal(10**18)


def balance_text(balance_wei: int) -> str:
    """Return what an account has, never more than that."""
    return f"{Context(prec=6, rounding=ROUND_DOWN).divide(Decimal(balance_wei), _WEI_PER_ETHER):f}"


def cost_text(cost_wei: int) -> str:
    """Return what something costs at most, never less than that."""
    return f"{Context(prec=2, rounding=ROUND_UP).divide(Decimal(cost_wei), _WEI_PER_ETHER):f}"
