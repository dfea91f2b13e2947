"""The edge to Ethereum: the only package that knows web3 and eth-account."""

import sys

# web3 imports py_ecc, which raises the recursion limit to 100,000 for pairings that are not used here. Under
# that limit deeply nested JSON, from an endpoint or from any client of the service, overflows the C stack and
# kills the process instead of raising RecursionError. So py_ecc comes first, and then CPython's own limit.
import py_ecc  # noqa: F401

_LIMIT_OF_PY_ECC = 100_000
_LIMIT_OF_CPYTHON = 1_000

if sys.getrecursionlimit() == _LIMIT_OF_PY_ECC:
    sys.setrecursionlimit(_LIMIT_OF_CPYTHON)
