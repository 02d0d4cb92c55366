"""The chat engine process: loads the models and answers in every lane.

Read in this order: ``engine`` (the process and its requests), ``loader`` (runs to lanes), ``lanes``
(what answers), ``decoding`` (the loop over tokens), ``cached_model`` (one forward pass) and
``multi_adapter`` (several adapters in one pass).
"""
