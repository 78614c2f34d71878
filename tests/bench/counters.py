"""Counts that do not depend on how busy the machine is: system calls, allocations, instructions."""

import os
import re
import select
import shutil
import signal
import struct
import subprocess
import tempfile
import time
from pathlib import Path

from machine import Child, processes_of

TRACEPOINT = "raw_syscalls:sys_enter"


def can_trace():
    """Whether perf may count every system call in the kernel (root, or perf_event_paranoid <= -1)."""
    if not shutil.which("perf"):
        return False
    answer = subprocess.run(
        ["perf", "stat", "-x,", "-e", TRACEPOINT, "true"],
        stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, check=False)
    return answer.returncode == 0 and re.search(rf"^\d+,.*{TRACEPOINT}", answer.stderr, re.M) is not None


def syscalls_by_perf(pid, directory, work):
    """All system calls of all threads while `work()` runs. Nothing in the program is slowed by it."""
    home = Path(tempfile.mkdtemp(dir=directory))
    out, tell, heard = home / "perf", home / "tell", home / "heard"
    os.mkfifo(tell)
    os.mkfifo(heard)
    answers = os.open(heard, os.O_RDWR)
    pids = ",".join(str(process) for process in processes_of(pid))
    with Child(["perf", "stat", "-x,", "-e", TRACEPOINT, "-p", pids, "-o", str(out), "--delay=-1",
                f"--control=fifo:{tell},{heard}"]) as perf:
        with open(tell, "r+b", buffering=0) as words:
            words.write(b"enable\n")
            begun = select.select([answers], [], [], 30)[0]  # it counts when it says so
        os.close(answers)
        if not begun:
            raise RuntimeError("perf does not begin to count")
        result = work()
        perf.stop(signal.SIGINT)
    found = re.search(rf"^(\d+),.*{TRACEPOINT}", out.read_text(), re.M)
    if not found:
        raise RuntimeError(f"perf counted nothing: {out.read_text()}")
    return int(found.group(1)), result


def traced(processes):
    """Whether all of their threads are."""
    tasks = [task for process in processes for task in Path(f"/proc/{process}/task").iterdir()]
    return all(re.search(r"^TracerPid:\t[1-9]", (task / "status").read_text(), re.M) for task in tasks)


def syscalls_by_strace(pid, directory, work):
    """As above, by name. strace stops the program at every call: it is slower, and so finds more to do
    each time it wakes, which makes epoll_wait rarer than it is in life."""
    out = directory / "strace"
    processes = processes_of(pid)
    words = [word for process in processes for word in ("-p", str(process))]
    with Child(["strace", "-f", "-c", "-U", "name,calls", "-o", str(out), *words]) as strace:
        until = time.monotonic() + 30
        while not traced(processes) and time.monotonic() < until:
            time.sleep(0.05)
        result = work()
        strace.stop(signal.SIGINT)
    calls = {}
    for line in out.read_text().splitlines():
        words = line.split()
        if len(words) == 2 and words[1].isdigit() and words[0] != "total":
            calls[words[0]] = int(words[1])
    return calls, result


class Allocations:
    """Counts in a file that libbench_malloc_count.so maps; `env` makes a program load it."""

    def __init__(self, library, directory):
        self.file = directory / "allocations"
        self.file.write_bytes(bytes(16))
        self.env = {"LD_PRELOAD": str(library), "BENCH_MALLOC_FILE": str(self.file)}

    def read(self):
        """(allocations, bytes) so far."""
        return struct.unpack("=QQ", self.file.read_bytes())


def callgrind(out):
    """The command that counts a program's user instructions into the file `out`."""
    return ["valgrind", "--tool=callgrind", f"--callgrind-out-file={out}", "--quiet"]


def instructions(out):
    """The total of all threads in a callgrind file, whole only after the program's end."""
    found = re.findall(r"^(?:summary|totals): (\d+)", out.read_text(), re.M)
    if not found:
        raise RuntimeError(f"{out} has no total")
    return int(found[-1])


def instructions_in(out, chosen):
    """As instructions(), of what chosen(object, function) is true for; without what that calls."""
    names = {"ob": {}, "fn": {}}
    at = {"ob": "", "fn": ""}
    total, wanted, called = 0, False, False
    for line in out.read_text().splitlines():
        if found := re.match(r"(c?)(ob|fn)=\((\d+)\)(?: (.*))?$", line):
            elsewhere, kind, number, name = found.groups()
            if name is not None:
                names[kind][number] = name
            if not elsewhere:
                at[kind] = names[kind].get(number, "")
                wanted = chosen(at["ob"], at["fn"])
        elif line.startswith("calls="):
            called = True
        elif found := re.match(r"[-+*\d]\S* (\d+)$", line):
            if wanted and not called:
                total += int(found[1])
            called = False
    return total
