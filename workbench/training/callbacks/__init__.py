"""What happens between two optimiser steps, one callback for each purpose.

transformers calls ``on_step_end`` of every callback in the order in which they were added, then
``on_log`` of every callback in the same order. So after each optimiser step

1. ``RecordCallback`` writes the step into status.json;
2. ``ControlCallback`` reads what the user asked for meanwhile, and ends training on a stop;
3. ``EvaluateCallback`` measures what is due or was asked for, keeps the best weights, and stops
   training or waits for the user where a guard says so;
4. ``RecordCallback`` writes memory, the numbers of the step and the penalties to the event log;
5. ``NonfiniteCallback`` fails the run, or counts a skipped step, where they are not finite: before
   6, so that a broken step is never checkpointed;
6. ``CheckpointCallback`` writes the checkpoint that is due or was asked for.

When training ends

7. ``EvaluateCallback`` judges a run that the user stopped: after 6, because a resumed run must
   continue as if it had not been judged there.

None of this counts as training time: each callback works inside ``session.clock.paused()``.
"""
