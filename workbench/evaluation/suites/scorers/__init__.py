"""Scorers, one file each; a file that is added here needs no registration."""
