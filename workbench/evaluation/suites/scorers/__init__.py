"""How answers are scored: one file each, found by looking in this folder."""
