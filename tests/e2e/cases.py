#!/usr/bin/env python3
"""Raw HTTP/1.1, mostly bad: what clients may throw at the gateway and what upstreams may answer."""
import json
import subprocess
import sys

import harness
from harness import SHARED, Case, Gateway, free_port, gateway_settings

CASES = SHARED / "cases"


class RawCases(Case):
    def judge(self, script, *options):
        """The verdicts of one of the drivers, which plays the upstream itself."""
        upstream = f"127.0.0.1:{free_port()}"
        settings = gateway_settings(
            self.directory, [("recorder", f"http://{upstream}/v1", 1)],
            limits={"body_bytes": "10MiB", "head_bytes": "64KiB"}, timeouts={"head": "5s"})
        settings["models"] = {"m1": settings["models"]["m"]}
        server = self.started(Gateway(settings, self.directory))
        verdicts = self.directory / f"{script}.json"
        run = subprocess.run(
            [sys.executable, "-B", str(CASES / script), "--target", server.address, "--upstream", upstream,
             "--out", str(verdicts), *options],
            capture_output=True, text=True, timeout=1500)
        self.assertEqual(run.returncode, 0, run.stdout + run.stderr)
        print(run.stdout)
        self.assertEqual(server.stop(), 0)
        return json.loads(verdicts.read_text())

    def assert_none(self, verdicts, what):
        self.assertEqual([f"{v['id']} {v['verdict']} ({v['expect']}): status {v['status']} {v['why']} {v['crit']}"
                          for v in verdicts], [], what)

    def test_no_request_is_critical_and_every_must_is_met(self):
        verdicts = self.judge("run_cases.py", "--slow", "--timeout", "7")
        self.assertGreater(len(verdicts), 100)
        self.assert_none([v for v in verdicts if v["verdict"] == "CRIT"], "critical")
        self.assert_none([v for v in verdicts if v["verdict"] == "FAIL" and v["strength"] == "MUST"], "MUST")

    def test_no_response_is_critical_and_none_fails(self):
        verdicts = self.judge("run_responses.py")
        self.assertGreater(len(verdicts), 20)
        self.assert_none([v for v in verdicts if v["verdict"] in ("CRIT", "FAIL")], "response cases")


if not CASES.is_dir():
    harness.skip_all(f"no cases at {CASES} (SLUICE_SHARED names the folder above it)")
if __name__ == "__main__":
    sys.exit(harness.main())
