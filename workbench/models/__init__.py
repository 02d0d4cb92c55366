"""Finding, describing and loading base models."""
