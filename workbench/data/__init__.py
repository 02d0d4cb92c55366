"""Datasets: reading rows, recognising formats, rendering with a chat template, batching.

From a file to a batch: :mod:`reading` and :mod:`hub` yield ``Row``; :mod:`formats` turns rows of
any format into ``Example``; :mod:`storage` keeps those of a large file on disk; :mod:`splitting`
holds some out, by the groups of :mod:`grouping`; :mod:`rendering` (with :mod:`templates`) turns an
example into token ids and labels; :mod:`tokenising` does so with a whole dataset, cut to length,
and :mod:`lost_rows` says what is lost of it; :mod:`mixture` chooses the rows of an epoch,
:mod:`samplers` which of them go together, and :mod:`batches` pads them.
"""
