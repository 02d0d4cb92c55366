"""What every room may use: errors, paths, redaction, safe files, formatting."""
