"""The chat screen, one concern a file: each is a class over ChatBase with keys of its own."""
