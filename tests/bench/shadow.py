#!/usr/bin/env python3
"""What shadow traffic costs the clients: the same open-loop load on gateways without a shadow and with one
whose target answers, is stopped, slow or failing; interleaved rounds. Prints the ratios of the clients' p99
to that without a shadow. Says nothing by its exit status but whether every answer was right and copies were made."""

import argparse
import asyncio
import re
import statistics
import sys
import tempfile
import threading
import urllib.request

from machine import end_on_signals, free_port, raise_descriptor_limit
from proxies import MODEL, Mock, Sluice
from scenarios import faults, load_command, run_load

FAILED = b"HTTP/1.1 500 X\r\ncontent-type: application/json\r\ncontent-length: 2\r\n\r\n{}"


class Shadowed(Sluice):
    """The usual configuration, with everything copied to a target at `shadow_port`; None: nothing is."""

    def __init__(self, binary, name, shadow_port, percent):
        super().__init__(binary)
        self.name = name
        self.shadow_port = shadow_port
        self.percent = percent

    def command(self, directory, port, upstream):
        command = super().command(directory, port, upstream)
        path = directory / "sluice.yaml"
        text = path.read_text()
        usual = re.search(r"    shadow: \{.*\}\n", text)[0]
        if self.shadow_port is None:
            path.write_text(text.replace(usual, ""))
            return command
        # Without a breaker a target that fails is asked each time: the worst there can be.
        text = text.replace(
            "providers:\n", f"providers:\n  shadow: {{ base_url: \"http://127.0.0.1:{self.shadow_port}/v1\" }}\n")
        text = text.replace(
            "    canary: canary\n",
            "      - { name: shadow, provider: shadow, model: bench-shadow, weight: 0 }\n"
            "    canary: canary\n    breaker: off\n")
        self.admin = re.search(r"admin: .*:(\d+)", text)[1]
        path.write_text(text.replace(
            usual, f"    shadow: {{ target: shadow, percent: {self.percent}, budget: 1000000 USD }}\n"))
        return command

    def copies(self, quick):
        """Made and ended; `quick`: drawn."""
        outcome = "" if quick else "compared|failed"
        with urllib.request.urlopen(f"http://127.0.0.1:{self.admin}/metrics", timeout=30) as answer:
            return sum(float(line.split()[-1]) for line in answer.read().decode().splitlines()
                       if re.match(rf'sluice_shadow_pairs_total\{{.*outcome="({outcome})', line))


class Failing:
    """A provider that answers 500 to everything, on a thread of its own."""

    def __init__(self):
        self.port = free_port()
        self.loop = asyncio.new_event_loop()
        self.loop.run_until_complete(asyncio.start_server(self.serve, "127.0.0.1", self.port))
        threading.Thread(target=self.loop.run_forever, daemon=True).start()

    async def serve(self, reader, writer):
        try:
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                length = int(head.lower().split(b"content-length:")[1].split(b"\r\n")[0])
                await reader.readexactly(length)
                writer.write(FAILED)
                await writer.drain()
        except (OSError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()


def arguments():
    parser = argparse.ArgumentParser(description=__doc__)
    for tool in ("mock", "load", "sluice"):
        parser.add_argument(f"--{tool}", required=True, help="the binary")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--rate", type=int, default=300, help="requests a second")
    parser.add_argument("--seconds", type=float, default=5.0, help="of each round")
    parser.add_argument("--delay-ms", type=float, default=20.0, help="the primary's time to answer")
    parser.add_argument("--slow-ms", type=float, default=3000.0, help="the slow shadow's")
    parser.add_argument("--percent", type=float, default=5.0, help="of the requests that are copied")
    parser.add_argument("--quick", action="store_true", help="a smoke run: answers and copies, not times")
    options = parser.parse_args()
    if options.quick:
        options.rounds, options.rate, options.seconds, options.slow_ms, options.percent = 1, 40, 0.5, 100.0, 100.0
    return options


def main():
    options = arguments()
    end_on_signals()
    raise_descriptor_limit()
    wrong = []
    with tempfile.TemporaryDirectory() as directory, \
            Mock(options.mock, None, delay_ms=options.delay_ms) as primary, \
            Mock(options.mock, None, delay_ms=options.delay_ms) as alike, \
            Mock(options.mock, None, delay_ms=options.slow_ms) as slow:
        ports = {"none": None, "alike": alike.port, "stopped": free_port(), "slow": slow.port,
                 "failing": Failing().port}
        proxies = [Shadowed(options.sluice, name, port, options.percent) for name, port in ports.items()]
        children = []
        p99 = {name: [] for name in ports}
        try:
            for proxy in proxies:
                children.append(proxy.start(directory, primary.port))
            work = ("unary", "--connections=64", f"--rate={options.rate}")
            for number in range(options.rounds + 1):
                seconds = options.seconds if number else min(1.0, options.seconds)  # the first one warms up
                for proxy, child in zip(proxies, children):
                    answer = run_load(load_command(
                        options.load, proxy, child.port, (*work, f"--seconds={seconds}"), 1024,
                        primary.body_bytes))
                    if number:
                        p99[proxy.name].append(answer["latency_us"]["p99"])
                    if found := faults(answer):
                        wrong.append(f"{proxy.name}: {found}")
            # Some are under way, and a worker that is late leaves some out.
            least = options.rounds * options.rate * options.seconds * options.percent / 100 / 4
            copies = {proxy.name: proxy.copies(options.quick) for proxy in proxies[1:]}
            wrong += [f"{name}: {count:.0f} copies, at least {least:.0f} are expected"
                      for name, count in copies.items() if count < least]
        finally:
            for child in children:
                child.stop()
    print(f"{options.percent:g} % copied, {options.rate}/s, primary {options.delay_ms:g} ms, "
          f"model {MODEL}, {options.rounds} rounds of {options.seconds:g} s")
    print("| shadow target | client p99 us, median | p99 / none, median of rounds | least | most |\n|---|---|---|---|---|")
    for name, all_rounds in p99.items():
        ratios = [ours / base for ours, base in zip(all_rounds, p99["none"])]
        print(f"| {name} | {statistics.median(all_rounds):.0f} | {statistics.median(ratios):.3f} "
              f"| {min(ratios):.3f} | {max(ratios):.3f} |")
    for line in wrong:
        print(line, file=sys.stderr)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
