#!/usr/bin/env python3
"""The canary is turned and the file reloaded under load, and no client notices."""
import copy
import signal
import sys
import time

import harness
from harness import Case, Load, Mock, until

CHANGES, RELOADS = 1000, 100
RATE, SECONDS = 2000, 30  # requests a second, of one load
# Answered while the changes were made; there are three times as many. A machine that is slow is slow with changes too.
MEANWHILE = 5 * CHANGES


class LiveTuning(Case):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.stable = cls.started(Mock("--events", "40", "--rate", "20"))
        cls.canary = cls.started(Mock("--events", "40", "--rate", "20"))

    def test_1000_changes_and_100_reloads_under_load_cost_no_request(self):
        server = self.gateway([("stable", self.stable.url + "/v1", 95), ("canary", self.canary.url + "/v1", 5)])
        good = server.settings
        broken = copy.deepcopy(good)
        broken["models"]["m"]["targets"][0]["weigth"] = 1
        loads = {"requests": [], "streams": []}

        def go_on():
            """Where the changes take longer than a load, another one follows."""
            for name, options in (("requests",
                                   ("unary", server, "--rate", RATE, "--seconds", SECONDS, "--connections", 64)),
                                  ("streams", ("sse", server, "--streams", 200, "--seconds", 27))):
                if not loads[name] or loads[name][-1].process.poll() is not None:
                    loads[name].append(self.started(Load(*options)))
        go_on()
        self.assertTrue(until(lambda: server.total("sluice_open_streams") >= 200))

        begin, reloads = time.monotonic(), 0
        before = server.total("sluice_requests_total", stream="false")
        for i in range(CHANGES):
            go_on()
            server.canary("m", (i * 7) % 101)
            if i % (CHANGES // RELOADS) == 0:
                reloads += 1
                if reloads % 10 == 0:  # a file that does not hold changes nothing
                    server.write_config(broken)
                    self.assertGreaterEqual(server.admin("/admin/v1/reload", "POST")[0], 400)
                server.write_config({**good, "heartbeat": f"{10 + reloads % 5}s"})
                if reloads % 2:
                    version = server.total("sluice_config_version")
                    server.signal(signal.SIGHUP)
                    self.assertTrue(until(lambda: server.total("sluice_config_version") > version))
                else:
                    status, _, body = server.admin("/admin/v1/reload", "POST")
                    self.assertEqual(status, 200, body)
        took = time.monotonic() - begin
        meanwhile = server.total("sluice_requests_total", stream="false") - before
        server.canary("m", 37.5)

        for name, load in ((name, load) for name, several in loads.items() for load in several):
            report = load.report()
            print(f"\n    {name}: {report}")
            self.assertEqual(report["failures"]["total"], 0)
            self.assertEqual(report["exit"], 0)
            if name == "requests":  # each was made when it was due, whatever became of those before it
                self.assertEqual((report["requests"], report["answered"]), (RATE * SECONDS, RATE * SECONDS))
        print(f"    {CHANGES} changes and {reloads} reloads in {took:.1f} s, {meanwhile:,.0f} requests meanwhile")
        self.assertGreaterEqual(meanwhile, MEANWHILE)
        self.assertGreaterEqual(server.total("sluice_config_reload_failures_total"), 10)
        self.assertEqual(server.stop(40), 0)

    def test_both_arms_serve_what_the_admin_api_says(self):
        server = self.gateway([("stable", self.stable.url + "/v1", 95), ("canary", self.canary.url + "/v1", 5)])
        for percent, arm in ((100, "canary"), (0, "stable")):
            server.canary("m", percent)
            before = server.total("sluice_requests_total", model="m", target=arm)
            report = self.started(Load("unary", server, "--count", 500)).report()
            self.assertEqual(report["failures"]["total"], 0)
            server.recorded()
            self.assertEqual(server.total("sluice_requests_total", model="m", target=arm) - before, 500)
        self.assertEqual(server.stop(), 0)


if __name__ == "__main__":
    sys.exit(harness.main())
