"""What every room may use: errors, paths, atomic files, formatting, redaction."""
