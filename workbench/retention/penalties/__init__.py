"""The guards that add a penalty to the loss; they import torch at module level."""
