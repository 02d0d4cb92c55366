"""Reading datasets, recognising their format, rendering, masking and batching them."""
