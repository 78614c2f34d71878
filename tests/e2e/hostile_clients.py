#!/usr/bin/env python3
"""Thousands of clients that hold connections and do nothing with them; one that works notices nothing."""
import asyncio
import contextlib
import json
import socket
import sys
import threading
import time

import harness
from harness import Case, Gateway, chat, exchange, gateway_settings, request_bytes, until

HALF_HEADS, ZERO_WINDOWS, SLOW_BODIES = 10_000, 1_000, 1_000
MIB = 1 << 20


class Canary(threading.Thread):
    """A well-behaved client: a new connection and a whole answer, again and again."""

    def __init__(self, address):
        super().__init__(daemon=True)
        self.address, self.errors, self.slowest, self.served = address, [], 0, 0
        self.stopping = threading.Event()

    def run(self):
        while not self.stopping.wait(0.02):
            begin = time.monotonic()
            try:
                answer = asyncio.run(exchange(self.address, request_bytes("/v1/chat/completions", chat()), timeout=10))
                if answer.status != 200 or not answer.complete:
                    self.errors.append(f"{answer.status} {bytes(answer.body[:200])}")
            except Exception as error:  # whatever it is, the canary did not get its answer
                self.errors.append(repr(error))
            self.served += 1
            self.slowest = max(self.slowest, time.monotonic() - begin)

    def finish(self):
        self.stopping.set()
        self.join(15)


def connections(server, count, receive_buffer=None):
    opened = []
    for _ in range(count):
        one = socket.socket()
        if receive_buffer:
            one.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
            # To small segments the gateway's system buffers 50 KB, to those of the loopback 2.5 MB.
            one.setsockopt(socket.IPPROTO_TCP, socket.TCP_MAXSEG, 536)
        one.settimeout(10)
        one.connect((server.host, server.port))
        opened.append(one)
    return opened


class Siege(Case):
    def fill_the_rings(self):
        """Those of the access log and of the ledger, 1 MiB a worker each, count as what the gateway needs anyway: some
        thousand requests write them full once, sooner with tags as long as they may be."""
        tags = ",".join(f"t{i}={'x' * 28}" for i in range(8))
        request = request_bytes("/v1/chat/completions", chat(), headers=[("x-sluice-tags", tags)])
        for _ in range(16):  # some for each worker
            with socket.create_connection((self.server.host, self.server.port), timeout=10) as one:
                answers = one.makefile("rb")
                for _ in range(15):
                    one.sendall(request * 40)
                    for _ in range(40):
                        body_bytes = 0
                        while (line := answers.readline().lower()) not in (b"\r\n", b""):
                            if line.startswith(b"content-length:"):
                                body_bytes = int(line.split(b":")[1])
                        answers.read(body_bytes)

    def streams_begun(self):
        return self.server.total("sluice_open_streams") + self.server.total("sluice_stream_ends_total")

    def siege(self):
        """One round; everything is open at the same time. Peak of the gateway's resident memory."""
        with contextlib.ExitStack() as stack:
            before = self.streams_begun()
            readers = connections(self.server, ZERO_WINDOWS, receive_buffer=2048)
            request = request_bytes("/v1/chat/completions", chat(model="sim-tokens-1000", stream=True))
            for one in readers:
                stack.callback(one.close)
                one.send(request)
            self.assertTrue(until(lambda: self.streams_begun() >= before + ZERO_WINDOWS, 60, 0.1),
                            "some readers were never sent anything")
            heads = connections(self.server, HALF_HEADS)
            for one in heads:
                stack.callback(one.close)
                one.send(b"POST /v1/chat/completions HTTP/1.1\r\nhost: gateway.test\r\nx-half: ")
            bodies = connections(self.server, SLOW_BODIES)
            request = request_bytes("/v1/chat/completions", chat())
            for one in bodies:
                stack.callback(one.close)
                one.send(request[:-20])
            peak, begin = 0, time.monotonic()
            while time.monotonic() < begin + 9:
                peak = max(peak, self.server.resident_bytes())
                for one in bodies:  # a byte now and then, never the whole
                    with contextlib.suppress(OSError):
                        one.send(b" ") if time.monotonic() < begin + 3 else None
                until(lambda: False, 0.5)
            return peak

    def test_a_canary_client_sees_no_error_and_memory_returns_to_its_base(self):
        if harness.raise_file_limit() < 16_000:
            self.skipTest("fewer than 16,000 open files allowed here (ulimit -n)")
        # What the canary asks and what floods are two providers: it is the gateway that is besieged.
        quiet, flood = self.simulator(), self.simulator()
        settings = gateway_settings(
            self.directory, [("quiet", quiet.url + "/v1", 1), ("flood", flood.url + "/v1", 0)],
            timeouts={"head": "4s", "body": "6s", "write": "6s", "idle": "5s"})
        settings["models"]["*"]["targets"] = [{"provider": "flood"}]
        self.server = self.started(Gateway(settings, self.directory))
        canary = Canary(self.server.address)
        canary.start()
        until(lambda: canary.served > 50, 20)
        self.fill_the_rings()
        base, base_files = self.server.resident_bytes(), self.server.open_files()
        after = []
        for _ in range(2):
            peak = self.siege()
            self.assertTrue(until(lambda: self.server.open_files() <= base_files + 8, 30),
                            f"{self.server.open_files()} open files, {base_files} before")
            # What was kept for the next ones goes when nobody has needed it for 5 s, the heap's pages up to 5 s later.
            until(lambda: self.server.resident_bytes() <= base * 1.05, 30, 0.25)
            after.append(self.server.resident_bytes())
            print(f"\n    resident: base {base / MIB:.1f} MiB, peak {peak / MIB:.1f}, after {after[-1] / MIB:.1f}; "
                  f"canary: {canary.served} served, slowest {1000 * canary.slowest:.0f} ms")
        canary.finish()
        self.assertEqual(canary.errors, [])
        # None of the streams went into what lies between: who did not read was waited for, and then cut.
        self.assertEqual(self.server.total("sluice_stream_ends_total", cause="client_gone"), 2 * ZERO_WINDOWS)
        self.assertEqual(self.server.total("sluice_stream_ends_total"), 2 * ZERO_WINDOWS)
        # As of a worker's last tick.
        self.assertTrue(until(lambda: self.server.total("sluice_buffered_bytes") == 0), "something is still held")
        # What stays, 0.7 to 1 MiB: the ends of each thread's heap, of which the C library keeps up to 128 KiB
        # and 16 KiB more for growth, and the pages that hold something of what came during the siege and is
        # still in use, such as the canary's connections.
        self.assertLess(after[-1], base * 1.05 + MIB, "memory did not return")
        self.assertLess(after[1], after[0] * 1.05 + MIB, "a second round left more behind than the first")
        self.assertEqual(self.server.stop(), 0)


class LargeBodies(Case):
    def test_memory_of_large_bodies_returns(self):
        server = self.gateway([("stable", self.simulator().url + "/v1", 1)])
        ask = request_bytes("/v1/chat/completions", chat())
        for _ in range(20):
            self.assertEqual(asyncio.run(exchange(server.address, ask)).status, 200)
        base = server.resident_bytes()
        for mebibytes in (4, 16, 12, 8):
            large = request_bytes("/v1/chat/completions", chat("x" * mebibytes * MIB))
            for _ in range(8):
                self.assertEqual(asyncio.run(exchange(server.address, large)).status, 200)
        until(lambda: server.resident_bytes() <= base * 1.05 + MIB, 30, 0.25)
        after = server.resident_bytes()
        print(f"\n    resident: base {base / MIB:.1f} MiB, after {after / MIB:.1f}")
        self.assertLess(after, base * 1.05 + MIB)
        self.assertEqual(server.stop(), 0)


class SlowClients(Case):
    def test_a_slow_head_and_a_slow_body_are_told_408(self):
        simulator = self.simulator()
        server = self.gateway([("stable", simulator.url + "/v1", 1)], timeouts={"head": "300ms", "body": "300ms"})
        whole = request_bytes("/v1/chat/completions", chat())
        for part in (whole[:40], whole[:-5]):
            [one] = connections(server, 1)
            one.send(part)
            answer = b""
            while piece := one.recv(65536):
                answer += piece
            self.assertIn(b"408", answer.split(b"\r\n")[0])
            self.assertEqual(json.loads(answer.split(b"\r\n\r\n")[1])["error"]["code"], "request_timeout")
        self.assertEqual(server.stop(), 0)


if __name__ == "__main__":
    sys.exit(harness.main())
