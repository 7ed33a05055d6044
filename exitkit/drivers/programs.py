"""Run a program of the operator's for a step, with what it needs to know and no more."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from exitkit.model.plan import Step
from exitkit.ports import StepContext

INHERITED = ("PATH", "HOME", "LANG", "LC_ALL", "TZ", "TMPDIR", "USER", "LOGNAME", "SSL_CERT_FILE")
LONGEST_OUTPUT_BYTES = 16 * 1024 * 1024
NOT_STARTED = 127
TIMED_OUT = 124


@dataclass(frozen=True, slots=True)
class Answer:
    """How a program ended and what it wrote; `code` is 127 where it could not be started."""

    code: int
    output: bytes
    errors: bytes


def ask_program(
    argv: Sequence[str], context: StepContext, env: Sequence[str] = (), timeout_s: int = 60
) -> Answer:
    """Run `argv` in the workspace, never through a shell, and keep what it answers."""
    environ = _environ(context, env)
    try:
        done = subprocess.run(
            list(argv), env=environ, cwd=context.workspace, stdin=subprocess.DEVNULL,
            capture_output=True, timeout=timeout_s, check=False,
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        return Answer(TIMED_OUT, b"", b"")
    except OSError as error:
        return Answer(NOT_STARTED, b"", str(error.strerror).encode())
    return Answer(
        done.returncode, done.stdout[:LONGEST_OUTPUT_BYTES], done.stderr[:LONGEST_OUTPUT_BYTES]
    )


def run_program(argv: Sequence[str], step: Step, context: StepContext) -> int:
    """Run a program in the step's own process group; what it says goes to the step's log."""
    environ = {**_environ(context, step.params.get("env", ())), "EXITKIT_STEP": step.id}
    try:
        done = subprocess.run(
            list(argv), env=environ, cwd=context.workspace, stdin=subprocess.DEVNULL, check=False
        )
    except OSError as error:
        context.progress(f"{argv[0]}: {error.strerror}; is it installed and executable")
        return NOT_STARTED
    return done.returncode


def is_argv(value: object) -> bool:
    """Tell whether a value of a plan is a program with its arguments."""
    return isinstance(value, list) and bool(value) and all(isinstance(one, str) for one in value)


def _environ(context: StepContext, env: Sequence[str]) -> Mapping[str, str]:
    wanted = {*INHERITED, *env}
    return {name: context.environ[name] for name in sorted(wanted) if name in context.environ} | {
        "EXITKIT_RUN": context.run,
        "EXITKIT_IDEMPOTENCY_KEY": context.idempotency_key,
        "EXITKIT_ATTEMPT_DIR": os.fspath(context.attempt_dir),
        "EXITKIT_BUNDLE": os.fspath(context.bundle),
        "EXITKIT_WORKSPACE": os.fspath(context.workspace),
    }
