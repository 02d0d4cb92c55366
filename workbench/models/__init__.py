"""Base models: finding, describing, downloading and loading them, and running them safely."""
