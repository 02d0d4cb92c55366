"""Layers that import torch at module level; strategies import them inside functions only."""
