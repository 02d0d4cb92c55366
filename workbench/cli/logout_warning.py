"""The warning printed at launch where logging out would end the worker."""

from __future__ import annotations

from workbench.cli.output import narrate


def warn_of_logout() -> None:
    """Warn if the workers of this session would end with it, and say how to prevent that."""
    from workbench.hardware.session import check_logout

    check = check_logout()
    if check.state == "warn":
        narrate(f"warning: {check.message}; {check.remedy}")
