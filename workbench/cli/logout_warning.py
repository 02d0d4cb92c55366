"""The warning that goes with every launch where logging out would end the worker."""

from __future__ import annotations

from workbench.cli.output import narrate


def warn_of_logout() -> None:
    """Say what ends the workers of this session, where something does, and what to do."""
    from workbench.hardware.session import check_logout

    check = check_logout()
    if check.state == "warn":
        narrate(f"warning: {check.says}; {check.remedy}")
