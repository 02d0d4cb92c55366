"""The report as pages to hand on: Markdown, and one self-contained HTML file.

Model output is untrusted: control characters are made visible, and everything a template prints is
escaped, without exception.
"""

from __future__ import annotations

from workbench.evaluation.pages.about import About, about
from workbench.evaluation.pages.rendering import html, markdown

__all__ = ["About", "about", "html", "markdown"]
