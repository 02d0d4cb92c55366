"""Whether the Hugging Face hub can be reached, without waiting long."""

from __future__ import annotations

from threading import Event, Thread


def hub_reachable(seconds: float) -> bool:
    """Whether the hub answers within ``seconds``, even if name resolution hangs."""
    from huggingface_hub import is_offline_mode

    if is_offline_mode():
        return False
    answered = Event()
    probe = Thread(target=_request, args=(answered, seconds), daemon=True)
    probe.start()
    probe.join(seconds)
    return answered.is_set()


def _request(answered: Event, seconds: float) -> None:
    from huggingface_hub import HfApi, errors

    try:
        HfApi().model_info("HuggingFaceTB/SmolLM2-135M-Instruct", timeout=seconds)
    except (OSError, errors.HTTPError):
        return
    answered.set()
