"""Datasets: reading rows, recognising formats, rendering with a chat template, batching.

From a file to a batch: :mod:`reading` (with :mod:`json_files`, :mod:`tables` and :mod:`hub`) yields
``Row``; :mod:`formats` turns rows of any format into ``Example``; :mod:`splitting` holds some
out, and :mod:`storage` keeps those of large files on disk; :mod:`rendering` (with
:mod:`templates`) turns an example into token ids and labels, and :mod:`tokenising` all of them;
:mod:`samplers` choose which rows go together, and :mod:`batches` pads them.
"""
