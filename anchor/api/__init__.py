"""The HTTP edge: reads requests strictly, asks the service, writes answers."""
