"""The widgets of the split chat."""
