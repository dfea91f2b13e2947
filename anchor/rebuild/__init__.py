"""Makes a lost database anew from chain and published files, as far as they reach, and says what is missing."""

from anchor.rebuild.report import ListKeyState, Loss, RebuildReport, RebuiltIssuer
from anchor.rebuild.run import RebuildRequest, rebuild_database

__all__ = ["ListKeyState", "Loss", "RebuildReport", "RebuildRequest", "RebuiltIssuer", "rebuild_database"]
