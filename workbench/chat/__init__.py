"""The chat engine process and its torch-free client."""
