"""Putting questions and text to a model; needs torch.

``evaluation_set`` says what is asked, ``evaluator`` asks it in numbered steps and calls, in this
order, ``text_metrics`` (loss and KL), ``generation`` (answers), and ``run_suites`` (probe items, by
``generation`` and ``likelihoods``). ``baseline_cache`` keeps the base's results, ``reevaluate``
measures a run after it has ended. With ``evaluation.size: auto``, ``looks`` says which items are
asked when, and ``further_looks`` asks them until every question is decided.
"""
