"""Which weights move: one file per strategy."""
