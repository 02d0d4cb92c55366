"""The chat engine process: owns torch and the lanes."""
