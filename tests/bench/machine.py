"""Processes that end with the script that started them, and what the kernel says about them."""

import ctypes
import mmap
import os
import re
import resource
import signal
import ssl
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

sys.path.append(str(Path(__file__).resolve().parents[1]))
from ports import free_port

PR_SET_PDEATHSIG = 1
_libc = ctypes.CDLL(None, use_errno=True)


def end_on_signals():
    """SIGTERM and SIGHUP unwind the stack as Ctrl-C does, so that every child is stopped."""

    def unwind(number, _frame):
        raise SystemExit(128 + number)

    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, unwind)


def raise_descriptor_limit():
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    return hard


def use_memory(most_bytes=4 << 30):
    """Touches free memory once and gives it back. A virtual machine gets a page from its host when it first uses it,
    which takes microseconds: whoever writes a log into fresh pages pays for the machine, not for its work."""
    available = re.search(r"^MemAvailable: +([0-9]+) kB", Path("/proc/meminfo").read_text(), re.M)
    count = min(most_bytes, int(available[1]) * 1024 // 2) if available else 0
    if count >= mmap.PAGESIZE:
        with mmap.mmap(-1, count) as memory:
            for at in range(0, count, mmap.PAGESIZE):
                memory[at] = 1


class Child:
    """A process that gets SIGTERM at the end of the `with`, and even if this script is killed."""

    def __init__(self, command, cpus=None, log=None, env=None, stdin=None, stdout=None):
        if cpus is not None:
            command = ["taskset", "-c", cpus, *command]
        self.log = log
        self._errors = open(log, "wb") if log else subprocess.DEVNULL
        self.process = subprocess.Popen(
            command,
            stdin=stdin if stdin is not None else subprocess.DEVNULL,
            stdout=stdout if stdout is not None else self._errors,
            stderr=self._errors,
            env=env,
            preexec_fn=lambda: _libc.prctl(PR_SET_PDEATHSIG, signal.SIGTERM),
        )
        self.pid = self.process.pid

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()

    def stop(self, number=signal.SIGTERM, patience=15):
        """The exit status, however it had to be brought about."""
        if self.process.poll() is None:
            self.process.send_signal(number)
        try:
            self.process.wait(patience)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        if self.process.stdin:
            self.process.stdin.close()
        if self.process.stdout:
            self.process.stdout.close()
        if self.log:
            self._errors.close()
        return self.process.returncode

    def errors(self, tail=2000):
        if not self.log:
            return ""
        with open(self.log, "rb") as file:
            return file.read()[-tail:].decode(errors="replace")


def wait_until_ready(port, child, patience=20.0, path="/healthz", tls=False):
    """Until GET of the path is answered with 200; raises with the child's own words when it is not."""
    deadline = time.monotonic() + patience
    scheme, trust = ("https", ssl._create_unverified_context()) if tls else ("http", None)
    while time.monotonic() < deadline:
        if child.process.poll() is not None:
            raise RuntimeError(f"{child.process.args} ended at once: {child.errors()}")
        try:
            with urllib.request.urlopen(f"{scheme}://127.0.0.1:{port}{path}", timeout=patience, context=trust) as answer:
                if answer.status == 200:
                    return
        except (urllib.error.URLError, ConnectionError, TimeoutError):
            pass
        time.sleep(0.02)
    raise RuntimeError(f"{child.process.args} does not answer: {child.errors()}")


def processes_of(pid):
    """The process and everything under it."""
    found = [pid]
    for parent in found:
        for task in _list(f"/proc/{parent}/task"):
            found += [int(word) for word in _read(f"/proc/{parent}/task/{task}/children").split()]
    return found


def _list(path):
    try:
        return os.listdir(path)
    except (FileNotFoundError, ProcessLookupError):
        return []


def _read(path):
    try:
        with open(path, encoding="ascii", errors="replace") as file:
            return file.read()
    except (FileNotFoundError, ProcessLookupError):
        return ""


def usage(pid):
    """Of all threads: CPU and run-queue wait in ns, switches, and each thread's CPU by its id."""
    total = {"cpu_ns": 0, "wait_ns": 0, "voluntary": 0, "involuntary": 0, "threads": {}}
    for process in processes_of(pid):
        for task in _list(f"/proc/{process}/task"):
            words = _read(f"/proc/{process}/task/{task}/schedstat").split()
            if len(words) < 2:
                continue
            total["cpu_ns"] += int(words[0])
            total["wait_ns"] += int(words[1])
            total["threads"][int(task)] = int(words[0])
            for line in _read(f"/proc/{process}/task/{task}/status").splitlines():
                if line.startswith("voluntary_ctxt_switches:"):
                    total["voluntary"] += int(line.split()[1])
                elif line.startswith("nonvoluntary_ctxt_switches:"):
                    total["involuntary"] += int(line.split()[1])
    return total


def resident_bytes(pid):
    total = 0
    for process in processes_of(pid):
        for line in _read(f"/proc/{process}/smaps_rollup").splitlines():
            if line.startswith("Rss:"):
                total += int(line.split()[1]) * 1024
    return total


def _pressure_us():
    for line in _read("/proc/pressure/cpu").splitlines():
        if line.startswith("some"):
            return int(line.rsplit("total=", 1)[1])
    return 0


def _cpu_ticks():
    """Busy and stolen time of the whole machine in clock ticks."""
    words = [int(word) for word in _read("/proc/stat").splitlines()[0].split()[1:]]
    return sum(words[0:3]) + sum(words[5:7]), words[7]


class Quiet:
    """Whether anybody else was using the machine while something was measured.

    Our own processes put pressure on the CPUs themselves, so pressure is looked at just before, and
    during the measurement the time that is not ours is: all busy time less that of `mine()`.
    """

    TICK_NS = 1_000_000_000 // os.sysconf("SC_CLK_TCK")

    def __init__(self, mine, foreign_share=0.10, stolen_share=0.02, pressure_share=0.20):
        self.mine = mine
        self.limits = (foreign_share, stolen_share, pressure_share)

    def before(self):
        start = (_pressure_us(), time.monotonic_ns())
        time.sleep(0.2)
        span_us = (time.monotonic_ns() - start[1]) / 1000
        self.pressure = (_pressure_us() - start[0]) / span_us
        self.ticks, self.stolen = _cpu_ticks()
        self.mine_ns = self.mine()
        self.started_ns = time.monotonic_ns()

    def after(self):
        """What disturbed, in words; empty when nothing did."""
        span_ns = time.monotonic_ns() - self.started_ns
        ticks, stolen = _cpu_ticks()
        busy_ns = (ticks - self.ticks) * self.TICK_NS
        foreign = max(0.0, (busy_ns - (self.mine() - self.mine_ns)) / span_ns)
        steal = (stolen - self.stolen) * self.TICK_NS / span_ns
        found = []
        for value, limit, what in zip(
            (foreign, steal, self.pressure),
            self.limits,
            ("of a CPU used by others", "of a CPU stolen", "CPU pressure before"),
        ):
            if value > limit:
                found.append(f"{value:.0%} {what}")
        return ", ".join(found)


def own_cpu_ns():
    """This script and every child it has waited for."""
    total = 0.0
    for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN):
        spent = resource.getrusage(who)
        total += spent.ru_utime + spent.ru_stime
    return int(total * 1e9)
