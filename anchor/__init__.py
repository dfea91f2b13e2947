"""Anchors credential digests and W3C status lists on Ethereum."""

__version__ = "0.1.0"
