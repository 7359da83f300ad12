#!/usr/bin/env python3
"""A real cluster on one machine: HyperQueue with several workers and SLURM with several nodes do a plan of many counting
tasks and one of training tasks, while workers are killed; some tasks run twice, and files are cut off. The merged store has
to equal that of a serial run.

    deploy/local-cluster.py                            # both schedulers; takes a quarter of an hour on two cores
    deploy/local-cluster.py --scheduler slurm --tasks 1000 --kills 20

HyperQueue comes from PyPI (`pip install hyperqueue`, for the Python that runs this). SLURM comes from Debian
(`apt-get install slurm-wlm munge`) and has to be started as root. Prints a line for each step, and figures as JSON at the end.
"""

import argparse
import json
import os
import pathlib
import random
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
# A space whose networks are counted at once, so that what is tried is everything else.
BASE = """name: Two convolutions
params: {v: 1, w: 1}
input: {channels: 3, size: 8}
classes: 10
body:
  - conv: {kernel: 3, width: $v}
  - conv: {kernel: 1, width: $w}
tail: gap
"""
SPACE = """space: Two widths
base: base.yaml
vary:
  v: {from: 1, to: 200, step: 1, default: 1}
  w: {from: 1, to: 200, step: 1, default: 1}
with: {params: {v: $v, w: $w}}
objectives: [minimize macs, maximize params]
"""
NETWORKS = [f"architectures/small/{name}.yaml" for name in ("bn", "naive", "reduced", "single-3x3", "separable")]
DATA = "shapes:size=28,train=300,test=100"
# Rounds after which tasks should have a result, however many workers are killed.
MOST_ROUNDS = 50
# What depends on when and where a record was made.
TIMES = {"finished_unix_ms", "seconds", "images_per_s", "checkpoint", "threads", "id", "machine"}
VARIABLES = ("HQ_ENTRY", "HQ_TASK_ID", "SLURM_ARRAY_TASK_ID", "JOB_COMPLETION_INDEX")
ENVIRONMENT = {name: value for name, value in os.environ.items() if name not in VARIABLES}


def say(text: str) -> None:
    """Prints a line at once."""
    print(f"{time.strftime('%H:%M:%S')} {text}", flush=True)


class Program:
    """The program, started in the repository."""

    def __init__(self, path: pathlib.Path):
        self.path = path

    def run(self, *arguments, codes=(0,)) -> str:
        """What it prints; ends this script if its exit code is another."""
        command = [str(self.path), *map(str, arguments)]
        done = subprocess.run(command, cwd=ROOT, env=ENVIRONMENT, capture_output=True, text=True, check=False)
        if done.returncode not in codes:
            sys.exit(f"{' '.join(command)}: exit code {done.returncode}\n{done.stdout}{done.stderr}")
        return done.stdout + (done.stderr if done.returncode else "")

    def missing(self, plan: pathlib.Path) -> list[int]:
        """The tasks of a plan that have no result."""
        lines = self.run("worker", plan, "--missing").splitlines()
        return [int(line.split()[0]) for line in lines]

    def records(self, store: pathlib.Path, kind: str) -> list[str]:
        """The records of a store, without times, in order."""
        def strip(value):
            if isinstance(value, dict):
                return {key: strip(inner) for key, inner in value.items() if key not in TIMES}
            return [strip(inner) for inner in value] if isinstance(value, list) else value

        text = self.run("results", "export", "json", "--kind", kind, "--store", store)
        return sorted(json.dumps(strip(record), sort_keys=True) for record in json.loads(text))


class Killer(threading.Thread):
    """Kills workers of a plan with SIGKILL, at random moments, until there were enough."""

    def __init__(self, plan: pathlib.Path, kills: int, pause: float):
        super().__init__(daemon=True)
        self.plan, self.kills, self.pause = str(plan).encode(), kills, pause
        self.killed, self.is_over = 0, False

    def workers(self) -> list[int]:
        """Processes of workers of the plan."""
        found = []
        for process in pathlib.Path("/proc").iterdir():
            try:
                words = (process / "cmdline").read_bytes().split(b"\0") if process.name.isdigit() else []
            except OSError:
                continue
            is_worker = words[0:1] and words[0].endswith(b"inceptive") and words[1:3] == [b"worker", self.plan]
            if is_worker and b"--missing" not in words:
                found.append(int(process.name))
        return found

    def run(self) -> None:
        generator = random.Random(1)
        while not self.is_over and self.killed < self.kills:
            time.sleep(generator.uniform(0, 2 * self.pause))
            workers = self.workers()
            if workers:
                try:
                    os.kill(generator.choice(workers), signal.SIGKILL)
                    self.killed += 1
                except ProcessLookupError:
                    pass


class HyperQueue:
    """A server with workers, in a process of its own that can be killed."""

    name = "hyperqueue"

    def __init__(self, program: Program, folder: pathlib.Path, workers: int):
        self.program, self.folder, self.workers = program, folder, workers

    def start(self, plan: pathlib.Path, tasks: list[int], shares: int | None) -> subprocess.Popen:
        """Starts the cluster with tasks, one process for each."""
        del shares
        listed = self.folder / "tasks.json"
        listed.write_text(json.dumps(tasks))
        command = [sys.executable, __file__, "--hq-tasks", listed, "--plan", plan, "--workers", str(self.workers),
                   "--inceptive", self.program.path]
        return subprocess.Popen(command, env=ENVIRONMENT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def break_down(self, running: subprocess.Popen) -> None:
        """Kills the server with all its workers."""
        running.kill()

    def stop(self) -> None:
        """Nothing goes on running."""

    @staticmethod
    def serve(plan: str, listed: pathlib.Path, workers: int, program: str) -> None:
        """The server and its workers, until all tasks are done."""
        from hyperqueue import Job, LocalCluster
        from hyperqueue.cluster import WorkerConfig

        with LocalCluster() as cluster:
            for _ in range(workers):
                cluster.start_worker(WorkerConfig(cores=1))
            job = Job(max_fails=None)
            for task in json.loads(listed.read_text()):
                # As `hq submit --each-line` names a task.
                job.program([program, "worker", plan, "--threads", "1"], env={"HQ_ENTRY": str(task)},
                            stdout=None, stderr=None)
            client = cluster.client()
            client.wait_for_jobs([client.submit(job)], raise_on_error=False)


class Slurm:
    """A controller and nodes, all on this machine, with ports and folders of their own."""

    name = "slurm"

    def __init__(self, program: Program, folder: pathlib.Path, nodes: int):
        self.program, self.folder, self.nodes = program, folder / "slurm", nodes
        for name in ("munge", "state", "spool", "log"):
            (self.folder / name).mkdir(parents=True)
        key = self.folder / "munge/key"
        key.write_bytes(os.urandom(1024))
        for path, mode in ((key, 0o400), (key.parent, 0o755)):
            path.chmod(mode)
        host = socket.gethostname().split(".")[0]
        base, config = self.folder, self.folder / "slurm.conf"
        config.write_text(f"""ClusterName=local
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort=16817
AuthType=auth/munge
AuthInfo=socket={base}/munge/socket
CredType=cred/munge
SlurmUser=root
SlurmdUser=root
StateSaveLocation={base}/state
SlurmdSpoolDir={base}/spool/%n
SlurmctldPidFile={base}/slurmctld.pid
SlurmdPidFile={base}/slurmd-%n.pid
SlurmctldLogFile={base}/log/slurmctld.log
SlurmdLogFile={base}/log/%n.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
MpiDefault=none
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU
SlurmdParameters=config_overrides
SlurmdTimeout=30
MaxArraySize=20001
MaxJobCount=40000
ReturnToService=2
KillWait=1
NodeName=node[1-{nodes}] NodeAddr=127.0.0.1 NodeHostname={host} Port=[17001-{17000 + nodes}] CPUs=1 State=UNKNOWN
PartitionName=all Nodes=ALL Default=YES MaxTime=INFINITE State=UP
""")
        self.environment = ENVIRONMENT | {"SLURM_CONF": str(config), "INCEPTIVE": str(program.path)}
        munge = [f"--{name}={base}/munge/{file}" for name, file in (
            ("key-file", "key"), ("socket", "socket"), ("pid-file", "pid"), ("log-file", "log"), ("seed-file", "seed"))]
        self.daemons = [self.daemon("munged", "--foreground", "--force", *munge)]
        self.wait(lambda: (base / "munge/socket").exists())
        self.daemons.append(self.daemon("slurmctld", "-D"))
        self.slurmd = {number: self.daemon("slurmd", "-D", "-N", f"node{number}") for number in range(1, nodes + 1)}
        self.wait(lambda: "idle" in self.ask("sinfo", "--noheader", "--states=idle"))

    def daemon(self, *command: str) -> subprocess.Popen:
        """Starts a daemon."""
        return subprocess.Popen(command, env=self.environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def ask(self, *command: str) -> str:
        """What a command of SLURM prints."""
        return subprocess.run(command, env=self.environment, cwd=self.folder, capture_output=True, text=True,
                              check=False).stdout

    @staticmethod
    def wait(is_there, seconds: float = 60) -> None:
        """Waits until something is so."""
        end = time.monotonic() + seconds
        while not is_there():
            if time.monotonic() > end:
                sys.exit("SLURM does not start; see its logs")
            time.sleep(0.1)

    def start(self, plan: pathlib.Path, tasks: list[int], shares: int | None) -> subprocess.Popen:
        """Submits tasks, or shares of all tasks, and waits for them in a process."""
        array = f"0-{shares - 1}" if shares else ranges(tasks)
        more = ["--shards", str(shares)] if shares else []
        return subprocess.Popen(
            ["sbatch", "--wait", "--quiet", "--output=/dev/null", "--cpus-per-task=1", "--array", array,
             str(ROOT / "deploy/slurm/worker.sh"), str(plan), *more],
            env=self.environment, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def break_down(self, running: subprocess.Popen) -> None:
        """Kills the daemon of a node, and starts it again: its jobs are lost or go on."""
        del running
        self.slurmd[1].kill()
        self.slurmd[1].wait()
        time.sleep(2)
        self.slurmd[1] = self.daemon("slurmd", "-D", "-N", "node1")

    def stop(self) -> None:
        """Ends all daemons."""
        for daemon in [*self.slurmd.values(), *reversed(self.daemons)]:
            daemon.terminate()
            daemon.wait()


def ranges(numbers: list[int]) -> str:
    """Numbers as an array of SLURM names them: 0-3,7."""
    parts, start = [], None
    for at, number in enumerate(numbers):
        start = number if start is None else start
        if at + 1 == len(numbers) or numbers[at + 1] != number + 1:
            parts.append(str(start) if start == number else f"{start}-{number}")
            start = None
    return ",".join(parts)


def do_plan(program, cluster, plan, shares, kills, pause) -> dict:
    """Lets a cluster do a plan while workers are killed, until every task has a result."""
    start, killed, rounds = time.monotonic(), 0, 0
    while missing := program.missing(plan):
        rounds += 1
        if rounds > MOST_ROUNDS:
            sys.exit(f"{len(missing)} tasks of {plan} have no result after {MOST_ROUNDS} rounds")
        killer = Killer(plan, kills - killed, pause)
        # SLURM does not take lists of thousands of numbers.
        running = cluster.start(plan, missing, shares if shares and len(missing) > shares else None)
        killer.start()
        if rounds == 1:
            time.sleep(8)
            cluster.break_down(running)
        running.wait()
        killer.is_over = True
        killer.join()
        killed += killer.killed
        say(f"  round {rounds}: {len(missing)} tasks without a result before, {killed} workers killed until now")
    return {"seconds": round(time.monotonic() - start, 1), "rounds": rounds, "killed": killed}


def duplicate(program, plan: pathlib.Path, work: pathlib.Path) -> int:
    """Does two of a hundred shares of a plan again, as a second cluster would."""
    copy = work / "copy"
    shutil.copytree(plan, copy, ignore=shutil.ignore_patterns("results", "trained"))
    for share in (1, 2):
        program.run("worker", copy, "--shard", f"{share}/100", "--threads", 1)
    added = 0
    for file in (copy / "results").rglob("*.json"):
        target = plan / file.relative_to(copy)
        target.parent.mkdir(parents=True, exist_ok=True)
        if not target.exists():
            shutil.copy(file, target)
            added += 1
    shutil.rmtree(copy)
    return added


def tear(plan: pathlib.Path, count: int) -> list[str]:
    """Cuts the ends of results off."""
    generator = random.Random(2)
    files = sorted((plan / "results").rglob("*.json"))
    torn = generator.sample(files, min(count, len(files)))
    for file in torn:
        content = file.read_bytes()
        file.write_bytes(content[:generator.randrange(len(content))])
    return [file.name for file in torn]


def merge_and_compare(program, plan, work, serial, kind, torn_count) -> dict:
    """Merges a plan with files that are torn, lets their tasks be done again, and compares with the serial run."""
    repeated = duplicate(program, plan, work)
    torn = tear(plan, torn_count)
    store = work / f"{plan.name}.db"
    said = program.run("results", "merge", store, plan, codes=(1,))
    unnamed = [name for name in torn if name not in said]
    if unnamed:
        sys.exit(f"torn files were not named: {unnamed}")
    program.run("worker", plan, "--shard", "1/1", "--threads", 1)
    # The torn files would be named for ever.
    for file in (plan / "results").rglob("*.json"):
        if file.name in torn:
            file.unlink()
    start = time.monotonic()
    last = program.run("results", "merge", store, plan).strip()
    again = time.monotonic() - start
    fresh = work / f"{plan.name}-fresh.db"
    start = time.monotonic()
    program.run("results", "merge", fresh, plan)
    seconds = time.monotonic() - start
    expected = program.records(serial, kind)
    for found in (store, fresh):
        if program.records(found, kind) != expected:
            sys.exit(f"{found} differs from {serial}")
    say(f"  {len(expected)} records equal those of the serial run; {last.partition(': ')[2]}")
    return {"records": len(expected), "repeated": repeated, "torn": len(torn), "merge_seconds": round(seconds, 2),
            "merge_again_seconds": round(again, 2)}


def serial_run(program, work, arguments) -> dict:
    """Counts and trains in one process each, for the stores that others have to equal."""
    figures = {}
    plan = work / "count-serial"
    count(program, work, arguments, plan)
    start = time.monotonic()
    program.run("worker", plan, "--shard", "1/1", "--threads", 1)
    figures["count_seconds"] = round(time.monotonic() - start, 1)
    program.run("results", "merge", work / "count-serial.db", plan)
    # A task that has a result: what remains is starting a process and looking for it.
    start = time.monotonic()
    for task in range(50):
        program.run("worker", plan, "--task", task)
    figures["start_ms"] = round((time.monotonic() - start) / 50 * 1000, 1)
    start = time.monotonic()
    train(program, arguments, "--store", work / "train-serial.db", "--out", work / "trained", "--no-report",
          "--side-by-side", 1, "--threads", 1)
    figures["train_seconds"] = round(time.monotonic() - start, 1)
    say(f"serial: {figures}")
    return figures


def count(program, work, arguments, plan) -> None:
    """Plans to count a space of 40,000 networks."""
    for name, text in (("base.yaml", BASE), ("space.yaml", SPACE)):
        (work / name).write_text(text)
    program.run("explore", work / "space.yaml", "--costs-only", "--plan", plan, "--tasks", arguments.tasks)


def train(program, arguments, *more) -> None:
    """Trains, or plans to train, five networks."""
    seeds = max(1, arguments.runs // len(NETWORKS))
    program.run("train", *NETWORKS, "--data", DATA, "--recipe", "quick", "--recipe-set", "epochs=2", "--seeds", seeds, *more)


def try_cluster(program, cluster, folder, work, arguments) -> dict:
    """Lets a cluster do both plans."""
    counting, training = folder / "count", folder / "train"
    count(program, work, arguments, counting)
    train(program, arguments, "--plan", training)
    kills = arguments.kills // 2
    figures = {}
    # A process for each task is what HyperQueue is for; SLURM gets shares.
    shares = 100 if cluster.name == "slurm" else None
    say(f"{cluster.name}: {arguments.tasks} counting tasks")
    figures["count"] = do_plan(program, cluster, counting, shares, kills, 0.2)
    figures["count"] |= merge_and_compare(program, counting, folder, work / "count-serial.db", "space-counts", 20)
    say(f"{cluster.name}: {arguments.runs} training tasks")
    figures["train"] = do_plan(program, cluster, training, None, arguments.kills - kills, 0.5)
    figures["train"] |= merge_and_compare(program, training, folder, work / "train-serial.db", "training-runs", 5)
    return figures


def main() -> None:
    """Runs everything and prints the figures."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--scheduler", nargs="+", choices=["hyperqueue", "slurm"], default=["hyperqueue", "slurm"])
    parser.add_argument("--tasks", type=int, default=10_000, help="counting tasks")
    parser.add_argument("--runs", type=int, default=50, help="training tasks")
    parser.add_argument("--kills", type=int, default=100, help="workers that are killed under each scheduler")
    parser.add_argument("--workers", type=int, default=4, help="workers of HyperQueue, nodes of SLURM")
    parser.add_argument("--inceptive", type=pathlib.Path, default=ROOT / "target/release/inceptive")
    parser.add_argument("--hq-tasks", type=pathlib.Path, help=argparse.SUPPRESS)
    parser.add_argument("--plan", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.hq_tasks:
        HyperQueue.serve(arguments.plan, arguments.hq_tasks, arguments.workers, str(arguments.inceptive))
        return
    program = Program(arguments.inceptive.resolve())
    with tempfile.TemporaryDirectory(prefix="inceptive-cluster-") as folder:
        work = pathlib.Path(folder)
        figures = {"serial": serial_run(program, work, arguments)}
        for kind in (HyperQueue, Slurm):
            if kind.name not in arguments.scheduler:
                continue
            own = work / kind.name
            own.mkdir()
            cluster = kind(program, own, arguments.workers)
            try:
                figures[kind.name] = try_cluster(program, cluster, own, work, arguments)
            finally:
                cluster.stop()
        print(json.dumps(figures, indent=2))


if __name__ == "__main__":
    main()
