"""The report as pages to hand on: Markdown, and one HTML file that needs nothing else.

What a model said is untrusted: control characters are made visible, and whatever a template
prints is escaped, without exception.
"""

from __future__ import annotations

from workbench.evaluation.report.pages.about import About, about
from workbench.evaluation.report.pages.rendering import html, markdown

__all__ = ["About", "about", "html", "markdown"]
