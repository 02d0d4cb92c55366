"""Whether the packages that ftwb stands on are installed in versions it was written for."""

from __future__ import annotations

from importlib import metadata

from packaging.requirements import Requirement

from workbench.hardware.check import Check

_SHOWN = ("torch", "transformers", "peft", "textual")


def check_packages(distribution: str = "ftwb") -> Check:
    """Every requirement of ``distribution`` is installed in a version it accepts."""
    try:
        required = metadata.requires(distribution) or []
    except metadata.PackageNotFoundError:
        return Check(
            "packages", "fail", f"{distribution} is not installed", f"pip install {distribution}"
        )
    needed = [requirement for requirement in map(Requirement, required) if _applies(requirement)]
    wrong = [text for text in map(_problem, needed) if text]
    if wrong:
        return Check("packages", "fail", "; ".join(wrong), f"pip install -U {distribution}")
    shown = ", ".join(f"{name} {version_of(name)}" for name in _SHOWN)
    return Check("packages", "ok", f"all {len(needed)} are here: {shown}")


def version_of(package: str) -> str | None:
    """The installed version of ``package``; None where it is not installed."""
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None


def _applies(requirement: Requirement) -> bool:
    return requirement.marker is None or requirement.marker.evaluate({"extra": ""})


def _problem(requirement: Requirement) -> str | None:
    found = version_of(requirement.name)
    if found is None:
        return f"{requirement.name} is missing"
    if not requirement.specifier.contains(found, prereleases=True):
        return f"{requirement.name} {found} is installed, {requirement.specifier} is needed"
    return None
