"""What is measured, and one measurement of one proxy."""

import json
import re
import subprocess
from dataclasses import dataclass, field

from machine import Child, resident_bytes, usage
from proxies import KEY, MODEL


@dataclass
class Scenario:
    name: str
    title: str
    unit: str  # what the CPU time is divided by: "request", "event"; "" measures memory only
    load: list  # arguments of bench_load
    mock: dict = field(default_factory=dict)
    direct: bool = False  # also without a proxy: latency is a difference
    body_bytes: int = 1024
    held: int = 0  # connections or streams that are kept open while memory is read
    proxy_cpus: str = "0"
    load_cpus: str = "1"
    sluice_workers: tuple = (1,)
    peers: bool = True


def unary(name, body_bytes, count):
    return Scenario(
        name, f"chat completion of {body_bytes:,} bytes, closed loop, 64 connections", "request",
        ["unary", f"--count={count}", "--connections=64"], body_bytes=body_bytes)


def latency(rate, seconds):
    return Scenario(
        f"latency-{rate}", f"{rate:,} requests/s, open loop, 32 connections: from when each was due",
        "request", ["unary", f"--rate={rate}", f"--seconds={seconds}", "--connections=32"], direct=True)


def sse(streams, rate, seconds):
    events = max(1, int(rate * seconds))
    return Scenario(
        f"sse-{streams}x{rate:g}", f"{streams:,} streams of {rate:g} events/s, {events:,} events each",
        "event", ["sse", f"--streams={streams}", f"--expect-events={events}"],
        mock={"events": events, "rate": rate}, direct=True)


def idle_memory(connections):
    return Scenario(
        "idle-memory", f"{connections:,} client connections that have had one answer", "",
        ["unary", "--rate=2000", f"--count={connections}", f"--connections={connections}", "--hold"],
        held=connections)


def stream_memory(streams):
    return Scenario(
        "stream-memory", f"{streams:,} open plain streams, silent after their first event", "",
        ["sse", f"--streams={streams}", "--hold"], mock={"events": 1000, "rate": 0.01}, held=streams)


def two_workers(count):
    return Scenario(
        "two-workers", "two workers against one; proxy, load and mock share both CPUs", "request",
        ["unary", f"--count={count}", "--connections=64"], proxy_cpus="0,1", load_cpus="0,1",
        sluice_workers=(1, 2), peers=False)


STANDARD = ("unary-1k", "unary-32k", "latency-1000", "sse-200x50", "sse-2000x10", "sse-2000x50",
            "idle-memory", "stream-memory", "two-workers")


def scenario(name, requests, seconds):
    """By its name: one of STANDARD, or the same with other numbers in it; ValueError otherwise."""
    if found := re.fullmatch(r"unary-(\d+)k", name):
        return unary(name, int(found[1]) * 1024, requests)
    if found := re.fullmatch(r"latency-(\d+)", name):
        return latency(int(found[1]), seconds)
    if found := re.fullmatch(r"sse-(\d+)x(\d+(?:\.\d+)?)", name):
        return sse(int(found[1]), float(found[2]), seconds)
    if found := re.fullmatch(r"idle-memory(?:-(\d+))?", name):
        return idle_memory(int(found[1] or 4000))
    if found := re.fullmatch(r"stream-memory(?:-(\d+))?", name):
        return stream_memory(int(found[1] or 2000))
    if name == "two-workers":
        return two_workers(requests)
    raise ValueError(f"no such scenario: {name}")


def load_command(binary, proxy, port, arguments, body_bytes, completion_bytes):
    command = [
        binary, arguments[0], f"--port={port}", f"--key={KEY}", f"--model={MODEL}",
        f"--body-bytes={body_bytes}", *arguments[1:]]
    if arguments[0] == "unary":
        command.append(f"--expect-bytes={completion_bytes}")
    for header in proxy.headers:
        command += ["--header", header]
    return command


def run_load(command, cpus=None, patience=300):
    """What bench_load printed. Failures are in it, not raised: they belong into the table."""
    with Child(command, cpus, stdout=subprocess.PIPE) as load:
        text, _ = load.process.communicate(timeout=patience)
    if not text:
        raise RuntimeError(f"{command} said nothing")
    return json.loads(text)


def faults(answer):
    """Everything in a result that must not be there, in words; empty when all was well."""
    found = [f"{answer['failures']['total']} failures {answer['failures']}"] \
        if answer["failures"]["total"] else []
    found += [f"{answer[kind]} {kind}" for kind in ("truncated", "miscounted") if answer.get(kind)]
    return "; ".join(found)


def measure(scenario_, proxy, child, binary, completion_bytes):
    """One fixed amount of work through one proxy."""
    command = load_command(
        binary, proxy, child.port, scenario_.load, scenario_.body_bytes, completion_bytes)
    if scenario_.held:
        return measure_memory(scenario_, child, command)
    before = usage(child.pid)
    answer = run_load(command, scenario_.load_cpus)
    after = usage(child.pid)
    done = max(1, answer["events"] if scenario_.unit == "event" else answer["answered"])
    delta = {name: after[name] - before[name] for name in after if name != "threads"}
    threads = {
        thread: spent - before["threads"].get(thread, 0)
        for thread, spent in after["threads"].items()}
    timing = answer["event_latency_us" if scenario_.unit == "event" else "latency_us"]
    return {
        "cpu_us": delta["cpu_ns"] / 1000 / done,
        "wait_share": delta["wait_ns"] / max(1, delta["cpu_ns"]),
        "switches": (delta["voluntary"] + delta["involuntary"]) / done,
        "busiest_threads": sorted((s / max(1, delta["cpu_ns"]) for s in threads.values()), reverse=True)[:3],
        "per_second": answer["per_second"],
        "p50": timing["p50"], "p99": timing["p99"], "p99.9": timing["p99.9"],
        "first_byte_p50": answer["first_byte_us"]["p50"],
        "per_read": answer["events"] / max(1, answer["reads"]) if "reads" in answer else 0,
        "stalls": answer.get("stalls", 0),
        "resident_kib": resident_bytes(child.pid) / 1024,
        "faults": faults(answer),
        "load": answer,
    }


def measure_memory(scenario_, child, command):
    before = resident_bytes(child.pid)
    with Child(command, scenario_.load_cpus, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as load:
        answer = json.loads(load.process.stdout.readline())
        after = resident_bytes(child.pid)
        load.process.stdin.close()
        load.process.wait(60)
        load.process.stdin = None
    return {
        "kib_each": (after - before) / 1024 / scenario_.held,
        "resident_kib": after / 1024,
        "faults": faults(answer),
        "load": answer,
    }
