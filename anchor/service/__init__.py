"""What the service does: takes digests in, seals batches, sends anchors, watches the chain, publishes lists."""
