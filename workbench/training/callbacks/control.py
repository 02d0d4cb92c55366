"""What the user asks of a run while it trains."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from transformers import TrainerCallback

from workbench.runs.control import AWAITING_ANSWER, take_requests

if TYPE_CHECKING:
    from transformers import TrainerControl, TrainerState, TrainingArguments

    from workbench.runs.control import Request
    from workbench.training.callbacks.session import TrainingSession

_POLL_SECONDS = 0.25
"""Seconds between two looks into the control folder while the run is paused."""


class ControlCallback(TrainerCallback):
    """Reads the user's requests after every step, and ends training on a stop."""

    def __init__(self, session: TrainingSession) -> None:
        self._session = session

    def on_step_end(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        """Take the requests; a stop during the last step changes nothing."""
        del args, kwargs
        session = self._session
        with session.clock.paused():
            session.requests = session.processes.from_main(lambda: set(take_requests(session.run)))
            if "stop" in session.requests and state.global_step < state.max_steps:
                self._stop(control)

    def ask_user(self, question: str, control: TrainerControl) -> None:
        """Pause the run until its user answers ``stop`` or ``continue``."""
        session = self._session
        answer = session.processes.from_main(lambda: self._wait_for_answer(question))
        session.requests |= answer
        if "stop" in answer:
            self._stop(control)

    def _stop(self, control: TrainerControl) -> None:
        self._session.stopping = True
        self._session.reporter.set_state("stopping", "asked to stop")
        control.should_training_stop = True

    def _wait_for_answer(self, question: str) -> set[Request]:
        """The answer; other requests stay in the control folder, and the heartbeat continues."""
        run, reporter = self._session.run, self._session.reporter
        phase = reporter.status.phase
        reporter.notice(
            f"{question}: 'ftwb continue {run.id}' resumes training, "
            f"'ftwb stop {run.id}' ends it here",
            level="warning",
        )
        reporter.phase(AWAITING_ANSWER, question, stoppable=False)
        answer: set[Request] = set()
        while not answer:
            time.sleep(_POLL_SECONDS)
            answer.update(take_requests(run, ("stop", "continue")))
        reporter.phase(phase, stoppable=False)
        return answer
