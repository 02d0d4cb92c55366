"""Measuring what a model can do before and after, and what the difference amounts to."""
