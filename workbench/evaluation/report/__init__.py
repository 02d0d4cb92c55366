"""report.json, and the pages made of it."""
