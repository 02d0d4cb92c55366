"""Running out of memory without losing the run."""
