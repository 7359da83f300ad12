#!/usr/bin/env python3
"""What bounds a plan on very many workers: a simulation of the scheduler, the file system, stragglers and the merge.

    deploy/simulate.py [--workers 100 1000 10000] [--markdown]

Each task waits for a free worker and for the scheduler, which starts tasks one after the other; then it needs some operations
of the server of file names, which also does one after the other; then it computes. Durations are log-normal. A batch is a
number of tasks that one process does. At the end, all results are merged. The rate of HyperQueue and the costs of a
process, a task and merging were measured on two cores; the rates of SLURM and of file systems are assumptions, to be replaced by
one's own.
"""

import argparse
import heapq
import math
import random

# Starts in a second.
SCHEDULERS = {"SLURM": 25.0, "HyperQueue": 500.0}
# Operations on names of files in a second: an NFS server, and a metadata server of a parallel file system.
FILE_SYSTEMS = {"NFS": 5_000.0, "parallel": 50_000.0}
# Operations of a process when it starts (opening the plan and its inputs), and for each task (looking for a result, reading the
# inputs, creating, syncing and renaming a result), as counted by strace; a client that caches attributes needs fewer.
START_OPERATIONS, TASK_OPERATIONS = 13, 46
# Seconds that a process needs to start, and that merging a result takes.
START_SECONDS, MERGE_SECONDS = 0.02, 0.0007
# Work: tasks, mean seconds of a task, and their standard deviation as a share of the mean.
WORK = {
    "counting, 100,000 tasks of 1 s": (100_000, 1.0, 0.2),
    "training, 100,000 tasks of 10 min": (100_000, 600.0, 0.7),
    "latencies, 20,000 tasks of 30 s": (20_000, 30.0, 0.1),
}


class Server:
    """Something that does one thing after the other."""

    def __init__(self, rate: float):
        self.rate, self.free, self.busy = rate, 0.0, 0.0

    def serve(self, now: float, things: float) -> float:
        """When things that come now are done."""
        seconds = things / self.rate
        self.free = max(self.free, now) + seconds
        self.busy += seconds
        return self.free


def simulate(work, workers: int, scheduler: float, files: float, batch: int, longest_first: bool = False) -> dict:
    """Seconds until the last task is done, and what took them."""
    tasks, mean, deviation = work
    generator = random.Random(0)
    sigma = math.sqrt(math.log(1 + deviation**2))
    mu = math.log(mean) - sigma**2 / 2
    durations = [generator.lognormvariate(mu, sigma) for _ in range(tasks)]
    if longest_first:
        # The next one is taken from the end.
        durations.sort()
    starts, names = Server(scheduler), Server(files)
    # Workers by the time at which they are free.
    free = [0.0] * workers
    last, computed, first_idle = 0.0, 0.0, None
    left = tasks
    while left > 0:
        now = heapq.heappop(free)
        size = min(batch, left)
        left -= size
        started = starts.serve(now, 1)
        ready = names.serve(started, START_OPERATIONS) + START_SECONDS
        seconds = sum(durations.pop() for _ in range(size))
        # The tasks of a batch do not queue for the server of names one by one; its total is a lower bound at the end.
        end = ready + seconds + size * TASK_OPERATIONS / files
        names.busy += size * TASK_OPERATIONS / files
        computed += seconds
        last = max(last, end)
        if left == 0:
            first_idle = now
        heapq.heappush(free, end)
    names_bound = names.busy
    return {
        "seconds": max(last, names_bound),
        "ideal": computed / workers,
        "scheduler": starts.busy,
        "names": names_bound,
        "tail": last - (first_idle or 0.0),
        "merge": tasks * MERGE_SECONDS,
    }


def bound(found: dict) -> str:
    """What takes most of the time beside computing."""
    parts = {"scheduler": found["scheduler"], "file names": found["names"], "stragglers": found["tail"]}
    return "computing" if found["ideal"] > 0.9 * found["seconds"] else max(parts, key=parts.get)


def time_of(seconds: float) -> str:
    """Seconds for people."""
    if seconds < 120:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 7200 else f"{seconds / 3600:.1f} h"


def main() -> None:
    """Prints a table."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--workers", type=int, nargs="+", default=[100, 1000, 10_000])
    parser.add_argument("--markdown", action="store_true")
    arguments = parser.parse_args()
    title, work = next((title, work) for title, work in WORK.items() if title.startswith("training"))
    for workers in arguments.workers:
        found = simulate(work, workers, SCHEDULERS["HyperQueue"], FILE_SYSTEMS["parallel"], 1, longest_first=True)
        used = 100 * found["ideal"] / found["seconds"]
        print(f"{title} on {workers:,} workers, longest first: {time_of(found['seconds'])}, {used:.0f}% of the workers used")
    print()
    header = ["work", "workers", "scheduler", "file system", "tasks a process", "time", "of the workers used", "bound by", "merge"]
    rows = []
    for title, work in WORK.items():
        for workers in arguments.workers:
            for scheduler, rate in SCHEDULERS.items():
                for system, files in FILE_SYSTEMS.items():
                    batches = sorted({1, max(1, work[0] // workers // 4)})
                    for batch in batches:
                        found = simulate(work, workers, rate, files, batch)
                        used = f"{100 * found['ideal'] / found['seconds']:.0f}%"
                        rows.append([title, f"{workers:,}", scheduler, system, str(batch), time_of(found["seconds"]), used,
                                     bound(found), time_of(found["merge"])])
    if arguments.markdown:
        print("| " + " | ".join(header) + " |")
        print("|" + "|".join("---" for _ in header) + "|")
        for row in rows:
            print("| " + " | ".join(row) + " |")
        return
    widths = [max(len(row[at]) for row in [header, *rows]) for at in range(len(header))]
    for row in [header, *rows]:
        print("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())


if __name__ == "__main__":
    main()
