"""Widgets that compare runs."""
