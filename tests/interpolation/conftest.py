"""Runs that are evaluated in full."""

from tests.probed_runs import general, probed, suite

__all__ = ["general", "probed", "suite"]
