"""The edge to Ethereum: the only package that knows web3 and eth-account."""
