"""Widgets of the split chat."""
