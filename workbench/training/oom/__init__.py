"""Running out of memory without losing the run.

1. What is measured beside training shrinks its batches, or is skipped
   (:class:`workbench.models.auto_batch_size.AutoBatchSize`).
2. A micro batch that does not fit is split: the step is the same step in less memory
   (:class:`~workbench.training.oom.micro_batch_splitter.MicroBatchSplitter`).
3. Where not even a single row fits, the state after the last step is saved before the run fails
   (:class:`~workbench.training.oom.oom_checkpoint.OomCheckpoint`).
"""
