#!/usr/bin/env python3
"""Shares are exact, and a client that is to stay on its arm stays there."""
import asyncio
import math
import sys

import harness
from harness import Case, Load, Mock, chat, exchange, request_bytes


class Split(Case):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.upstreams = [(name, cls.started(Mock()).url + "/v1", weight)
                         for name, weight in (("stable", 87.5), ("canary", 12.5))]

    def test_100000_requests_land_within_four_standard_deviations(self):
        server = self.gateway(self.upstreams)
        server.canary("m", 12.5)
        n, p = 100_000, 0.125
        report = self.started(Load("unary", server, "--count", n, "--connections", 64)).report(300)
        self.assertEqual(report["failures"]["total"], 0)
        server.recorded()
        canary = server.total("sluice_requests_total", model="m", target="canary")
        stable = server.total("sluice_requests_total", model="m", target="stable")
        deviations = (canary - n * p) / math.sqrt(n * p * (1 - p))
        print(f"\n    {canary:.0f} of {n} at 12.5 %: {deviations:+.2f} standard deviations")
        self.assertEqual(canary + stable, n)
        self.assertLess(abs(deviations), 4)
        self.assertEqual(server.stop(), 0)

    def arms(self, server, ask, clients):
        """Which arm each client got, asking three times; a set where it changed its mind."""
        async def one(client):
            return {(await exchange(server.address, ask(client))).headers.get("x-sluice-target")
                    for _ in range(3)}

        async def all_of_them():
            answers = []
            for begin in range(0, len(clients), 50):
                answers += await asyncio.gather(*(one(c) for c in clients[begin:begin + 50]))
            return answers
        return dict(zip(clients, asyncio.run(all_of_them())))

    def assert_sticky(self, sticky, ask, clients, keys):
        settings = harness.gateway_settings(self.directory, self.upstreams, keys=keys)
        settings["models"]["m"]["sticky"] = sticky
        server = self.started(harness.Gateway(settings, self.directory))
        before, rose = None, False
        for percent in (10, 12.5, 30, 60, 30, 12.5, 10):
            server.canary("m", percent)
            now = self.arms(server, ask, clients)
            self.assertEqual({c: a for c, a in now.items() if len(a) != 1}, {}, f"flapped at {percent} %")
            canary = {c for c, arm in now.items() if arm == {"canary"}}
            share = len(canary) / len(clients)
            self.assertLess(abs(share - percent / 100), 4 * math.sqrt(0.25 / len(clients)))
            if before is not None:
                rose = percent > last
                moved = (before - canary) if rose else (canary - before)
                self.assertEqual(moved, set(), f"moved against the change from {last} to {percent} %")
            before, last = canary, percent
        server.kill()
        server = self.started(harness.Gateway(settings, self.directory))
        self.assertEqual(self.arms(server, ask, clients), now, "a restart moved clients")
        self.assertEqual(server.stop(), 0)

    def test_sticky_by_user(self):
        self.assert_sticky(
            "user", lambda user: request_bytes("/v1/chat/completions", chat(user=user)),
            [f"user-{i}" for i in range(300)],
            [{"id": "test", "hash": harness.sha256(harness.CLIENT_KEY)}])

    def test_sticky_by_header(self):
        self.assert_sticky(
            "header:x-session",
            lambda session: request_bytes("/v1/chat/completions", chat(), headers=[("X-Session", session)]),
            [f"session-{i}" for i in range(300)],
            [{"id": "test", "hash": harness.sha256(harness.CLIENT_KEY)}])

    def test_sticky_by_key(self):
        keys = [f"sk-client-{i}" for i in range(200)]
        self.assert_sticky(
            "key", lambda key: request_bytes("/v1/chat/completions", chat(), key=key), keys,
            [{"id": f"k{i}", "hash": harness.sha256(key)} for i, key in enumerate(keys)])


if __name__ == "__main__":
    sys.exit(harness.main())
