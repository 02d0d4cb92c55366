"""Results between a base and its tuned model, at any strength."""
