"""Keeps a folder equal to what a service publishes: for auditors, and for rebuilding a lost database."""

from anchor.mirror.copying import Missing
from anchor.mirror.mirroring import MirrorReport, mirror_service

__all__ = ["MirrorReport", "Missing", "mirror_service"]
