"""ftwb: a terminal workbench for fine-tuning language models that shows what they forget."""

__version__ = "0.1.0"
