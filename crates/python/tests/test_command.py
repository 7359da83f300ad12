"""The command `inceptive` that the package installs, against the program of the same name if INCEPTIVE_BINARY names it."""

import functools
import os
import re
import shutil
import signal
import subprocess
import sys
import sysconfig
import time
from pathlib import Path

import pytest

import inceptive

SCRIPT = shutil.which("inceptive", path=sysconfig.get_path("scripts")) or ""
BINARY = os.environ.get("INCEPTIVE_BINARY")


@pytest.fixture(params=["script", "module"])
def start(request):
    return [SCRIPT] if request.param == "script" else [sys.executable, "-m", "inceptive"]


def test_the_command_says_its_version(start):
    run = subprocess.run([*start, "--version"], capture_output=True, text=True)
    assert (run.returncode, run.stderr) == (0, "")
    assert run.stdout.startswith(f"inceptive {inceptive.__version__}")


def test_exit_codes(start, tmp_path):
    wrong = tmp_path / "wrong.yaml"
    wrong.write_text("nonsense")
    run = subprocess.run([*start, "check", str(wrong)], capture_output=True, text=True)
    assert run.returncode == 1 and "wrong.yaml" in run.stderr
    run = subprocess.run([*start, "check"], capture_output=True, text=True)
    assert run.returncode == 2 and "Usage: inceptive check" in run.stderr


def test_a_reader_that_goes_away_is_no_error(start):
    run = subprocess.Popen([*start, "schema"], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    run.stdout.read(1)
    run.stdout.close()
    assert run.wait() == 0 and run.stderr.read() == b""
    run.stderr.close()


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="needs /proc to see which signals a process handles")
def test_ctrl_c_ends_the_command(start, architectures):
    # It takes at least seconds.
    arguments = ["run", str(architectures / "vgg19.yaml"), "--batch", "32", "--threads", "1"]
    # A job in the background of a shell ignores the signal, and hands that on.
    heed = functools.partial(signal.signal, signal.SIGINT, signal.SIG_DFL)
    run = subprocess.Popen([*start, *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE, preexec_fn=heed)
    while run.poll() is None:
        status = Path(f"/proc/{run.pid}/status").read_text()
        caught = int(re.search(r"SigCgt:\s*(\w+)", status)[1], 16) >> (signal.SIGINT - 1) & 1
        # Python handles it until the command begins, after the package was loaded.
        if not caught and "_inceptive" in Path(f"/proc/{run.pid}/maps").read_text():
            break
        time.sleep(0.001)
    run.send_signal(signal.SIGINT)
    _, errors = run.communicate()
    assert run.returncode == -signal.SIGINT, errors


@pytest.mark.skipif(BINARY is None, reason="INCEPTIVE_BINARY does not name the program")
@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["--help"],
        ["help", "cost"],
        ["cost", "architectures/googlenet.yaml", "--by", "module"],
        ["cost", "architectures/googlenet.yaml", "--set", "4a.chanels=256"],
        ["diff", "architectures/googlenet.yaml", "architectures/missing.yaml"],
        ["cost", "--batch", "0", "architectures/googlenet.yaml"],
        ["cost", "architectures/googlenet.yaml", "--mode", "training", "--convention", "thop"],
        ["explore", "architectures/spaces/googlenet-widths.yaml", "--costs-only", "--where", "params < 1k", "--json"],
        ["results", "list", "--store", "reports/modules/results.db"],
        ["gui", "architectures", "--nonsense"],
    ],
)
def test_the_command_does_what_the_program_does(arguments, root):
    def done(program):
        run = subprocess.run([program, *arguments], capture_output=True, cwd=root)
        seconds = re.compile(rb'seconds": [\d.e-]+')
        return run.returncode, seconds.sub(b"", run.stdout), run.stderr

    assert done(SCRIPT) == done(BINARY)
