"""From a report to findings, without torch; each module uses only those above it.

``statistics`` (formulas), ``findings`` (results), ``formatting`` and ``summary_text`` (their
words), ``paired_results`` (reading a report), ``analysis`` (report to findings); on findings:
``benchmarks``, ``comparison``, ``gate``, ``published_results``; on texts: ``contamination`` and
``domain_leak``.
"""
