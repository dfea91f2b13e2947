"""The rules of the protocol on bytes: no I/O, no clock, no asyncio."""
