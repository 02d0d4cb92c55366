"""Datasets: reading rows, recognising formats, rendering with a chat template, batching.

From a file to a batch: :mod:`reading` (with :mod:`json_files`, :mod:`tables` and :mod:`hub`) yields
``Row``; :mod:`formats` turns rows of any format into ``Example``, one by one; :mod:`splitting`
holds some out; :mod:`rendering` (with :mod:`templates`) turns an example into token ids and labels;
:mod:`samplers` choose which rows go together, and :mod:`batches` pads them.
"""
