"""Checkpoints that a run resumes from bit for bit."""
