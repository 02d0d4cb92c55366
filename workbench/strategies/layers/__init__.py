"""Layers of our own, which need torch: imported by strategies inside functions only."""
