"""The worker: the only process that trains."""
