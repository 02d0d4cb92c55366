"""Errors meant for people: what happened, why, and what to do next."""

from __future__ import annotations


class FtwbError(Exception):
    """The base of every error ftwb raises on purpose; its text is one line for the user.

    Attributes:
        exit_code: What the CLI exits with when this error ends a command.
    """

    exit_code = 1


class BadInputError(FtwbError):
    """What the user asked for cannot be done as asked: a wrong field, file, row or name."""

    exit_code = 2


class NotFoundError(BadInputError):
    """A run, model, dataset or preset of that name does not exist."""


class MachineError(FtwbError):
    """The machine lacks something: disk space, a device, a network, a package."""

    exit_code = 3


class RunFailedError(FtwbError):
    """A run ended without a result."""

    exit_code = 1
