"""Probe suites: items, their files, and how answers are scored."""
