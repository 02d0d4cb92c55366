"""From paired results to findings, without torch."""
