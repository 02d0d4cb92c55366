"""Widgets of the recipe form."""
