"""Probe suites: items, their files, and the scorers that turn answers into scores."""
