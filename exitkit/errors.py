"""Say what went wrong in one line, and with which exit code the process ends."""

from __future__ import annotations


class ExitkitError(Exception):
    """A fault worth one line to the user: the thing, the fault, the next move."""

    exit_code = 3


class InputError(ExitkitError):
    """What the user gave is wrong: a file, an option, a name."""

    exit_code = 2


class CannotRun(ExitkitError):
    """The machine or its surroundings do not let the command run."""

    exit_code = 3


class InvalidBundle(ExitkitError):
    """A bundle that is read as a source of truth fails its own checks."""

    exit_code = 1


class PluginError(ExitkitError):
    """A plugin broke the contract of `exitkit.ports`: a bug, not part of the job."""

    exit_code = 3


class Fenced(ExitkitError):
    """Another coordinator appended to this run's journal first: this one must stop at once."""

    exit_code = 3


EXIT_CLEAN = 0
EXIT_FOUND = 1
EXIT_INPUT = 2
EXIT_CANNOT_RUN = 3
EXIT_UNTRUSTED = 4
EXIT_DECLARED_HOLES = 5
EXIT_INTERRUPTED = 130
