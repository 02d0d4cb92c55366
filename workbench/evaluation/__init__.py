"""Evaluation of a run: what base and tuned model are asked, measured on both, and compared.

Read it in this order, which is also the order of imports:

1. ``suites``: probe items and the scorers that turn answers into scores; no model.
2. ``run``: the evaluator, which puts items and text to a model; the only part that needs torch.
3. ``report``: what was measured before and after, kept as ``report.json``.
4. ``analysis``: paired statistics on a report, and the findings in words; pure functions.
5. ``pages``: findings as Markdown and HTML.
"""
