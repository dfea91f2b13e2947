"""What is to be done after an old database came back, in whatever way."""

AS_OF_BACKUP = (
    "issuers and API keys are as they were at the backup: `anchor issuer disable` and `anchor issuer rotate-key` again "
    "for those that were disabled, or whose keys were replaced, since then"
)
"""A key that leaked and was replaced is good again until somebody does."""
