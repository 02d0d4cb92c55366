"""The run folder: the shared language of worker and screens."""
