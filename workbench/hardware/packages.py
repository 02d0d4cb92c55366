"""Whether the packages that ftwb needs are installed in versions that it accepts."""

from __future__ import annotations

from importlib import metadata

from packaging.requirements import Requirement

from workbench.hardware.check import Check

_SHOWN = ("torch", "transformers", "peft", "textual")


def check_packages(distribution: str = "ftwb") -> Check:
    """Whether every requirement of ``distribution`` is installed in a version it accepts."""
    try:
        required = metadata.requires(distribution) or []
    except metadata.PackageNotFoundError:
        return Check(
            "packages", "fail", f"{distribution} is not installed", f"pip install {distribution}"
        )
    needed = [requirement for requirement in map(Requirement, required) if _applies(requirement)]
    problems = [text for text in map(_problem, needed) if text]
    if problems:
        return Check("packages", "fail", "; ".join(problems), f"pip install -U {distribution}")
    versions = ", ".join(f"{name} {version_of(name)}" for name in _SHOWN)
    return Check("packages", "ok", f"all {len(needed)} are installed: {versions}")


def version_of(package: str) -> str | None:
    """The version of ``package``; None if it is not installed."""
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None


def _applies(requirement: Requirement) -> bool:
    return requirement.marker is None or requirement.marker.evaluate({"extra": ""})


def _problem(requirement: Requirement) -> str | None:
    version = version_of(requirement.name)
    if version is None:
        return f"{requirement.name} is missing"
    if not requirement.specifier.contains(version, prereleases=True):
        return f"{requirement.name} {version} is installed, {requirement.specifier} is needed"
    return None
