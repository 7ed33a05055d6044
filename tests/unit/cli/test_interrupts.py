"""Ctrl-C ends a command with code 130 and without a trace, from the first import to the last."""

from __future__ import annotations

import subprocess
import sys

import pytest

# Ctrl-C as MODULE is looked for: the moments of a start that a clock cannot hit.
STRUCK = """
import os, signal, sys
MODULE = sys.argv[1]
class Strikes:
    def find_spec(self, name, path=None, target=None):
        if name == MODULE:
            os.kill(os.getpid(), signal.SIGINT)
sys.meta_path.insert(0, Strikes())
from exitkit.__main__ import main
sys.argv = ["exitkit", *sys.argv[2:]]
main()
"""
# Python makes a fault of its own of what is raised while a class is made.
IN_A_CLASS = """
import sys
from exitkit.cli import keygen, main
class Strikes:
    def __set_name__(self, owner, name):
        raise KeyboardInterrupt
def strikes(**options):
    type("Owner", (), {"member": Strikes()})
keygen.command.callback = strikes
sys.exit(main.run(["keygen"]))
"""
IN_AN_EXEC = """
from exitkit.__main__ import main
from exitkit.cli import keygen
import os, signal, sys
keygen.command.callback = lambda **options: exec("os.kill(os.getpid(), signal.SIGINT)")
sys.argv = ["exitkit", "keygen"]
main()
"""


def ended(*arguments: str) -> tuple[int, list[str]]:
    done = subprocess.run(
        [sys.executable, "-c", *arguments], capture_output=True, text=True, check=False
    )
    return done.returncode, [line for line in done.stderr.splitlines() if line]


@pytest.mark.parametrize(
    "module",
    ["exitkit.cli.main", "click", "click.core", "exitkit.cli.output", "exitkit.cli.verify",
     "exitkit.store.verify"],
)  # fmt: skip
def test_an_import_that_is_interrupted_ends_in_silence(module: str) -> None:
    assert ended(STRUCK, module, "verify") == (130, [])


@pytest.mark.parametrize("code", [IN_A_CLASS, IN_AN_EXEC])
def test_whatever_python_makes_of_an_interruption_is_said_as_one(code: str) -> None:
    assert ended(code) == (130, ["exitkit: interrupted"])


def test_a_command_that_was_told_to_ignore_interruptions_goes_on() -> None:
    code = f"import signal; signal.signal(signal.SIGINT, signal.SIG_IGN){STRUCK}"
    done = subprocess.run(
        [sys.executable, "-c", code, "click", "--version"],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stdout.split()[0]) == (0, "exitkit")
