"""What happens between two training steps: record, evaluate, obey, checkpoint."""
