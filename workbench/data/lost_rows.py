"""What of a dataset is not learned, in words: the same for preview, plan and run."""

from __future__ import annotations
