"""What the worker reports: events, status, memory, and why it ended."""
