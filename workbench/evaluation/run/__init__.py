"""Asking a model; the only part of the evaluation that needs torch."""
