#!/usr/bin/env python3
"""Exemplars: the metrics endpoint as Prometheus' own OpenMetrics parser reads it, and as a real Prometheus with
exemplar storage answers for it."""
import json
import shutil
import sys
import time
import urllib.parse

import harness
from harness import OFFLINE, Case, Program, chat, fetch, free_port, until

try:
    from prometheus_client.openmetrics import parser
except ImportError as missing:
    if OFFLINE:
        harness.skip_all(f"SLUICE_OFFLINE=1 and {missing}")
    sys.exit(f"{missing}: tests/run installs the prometheus_client package into build/venv; "
             "SLUICE_OFFLINE=1 skips this test where there is no package index")

PROMETHEUS = shutil.which("prometheus")
FORMAT = "application/openmetrics-text; version=1.0.0"
PARENT = "b7ad6b7169203331"
TIMES = ("sluice_request_duration_seconds", "sluice_time_to_first_token_seconds")


class Exemplars(Case):
    def begin(self):
        provider = self.simulator("--behaviour", "latency-10ms-15ms-40ms+tokens-5")
        # Nobody is there to take the spans: exemplars do not need it.
        server = self.gateway([("one", provider.url + "/v1", 1)], tracing={"otlp": "http://127.0.0.1:1", "sample": "0%"})
        self.addCleanup(lambda: server.process.poll() is None and server.stop())
        self.traces = set()
        return server

    def ask(self, server, number, sampled):
        trace = "%032x" % (0xabc0 + number)
        status, _, text = fetch(server.url + "/v1/chat/completions", "POST", chat(stream=True), {
            "authorization": f"Bearer {harness.CLIENT_KEY}", "traceparent": f"00-{trace}-{PARENT}-0{int(sampled)}"})
        self.assertEqual(status, 200, text)
        if sampled:
            self.traces.add(trace)

    def exemplars(self, server):
        """{family: [(labels, bound, exemplar)]}, after the whole text was parsed."""
        status, headers, text = server.admin("/metrics", headers={"accept": FORMAT})
        self.assertEqual(status, 200)
        self.assertTrue(headers["content-type"].startswith(FORMAT), headers["content-type"])
        self.assertTrue(text.endswith("# EOF\n"))
        found, families = {}, 0
        for family in parser.text_string_to_metric_families(text):
            families += 1
            for sample in family.samples:
                if family.type == "counter":
                    self.assertTrue(sample.name == family.name + "_total", sample.name)
                if sample.exemplar:
                    found.setdefault(family.name, []).append((sample.labels, float(sample.labels["le"]), sample.exemplar))
        self.assertGreater(families, 20)
        return found

    def test_the_text_is_open_metrics_and_names_traces(self):
        server, begun = self.begin(), time.time()
        for number in range(20):
            self.ask(server, number, sampled=number % 2 == 0)
        self.assertTrue(until(lambda: set(self.exemplars(server)) == set(TIMES)))
        for family, samples in self.exemplars(server).items():
            bounds = sorted({float(each.labels["le"]) for one in parser.text_string_to_metric_families(
                server.admin("/metrics", headers={"accept": FORMAT})[2]) if one.name == family for each in one.samples
                if "le" in each.labels})
            for labels, bound, one in samples:
                self.assertEqual((labels["model"], labels["target"]), ("m", "one"))
                self.assertIn(one.labels["trace_id"], self.traces)
                self.assertLessEqual(one.value, bound)
                below = bounds.index(bound)
                self.assertGreater(one.value, bounds[below - 1] if below else 0, "the bucket it fell into, no other")
                self.assertTrue(begun - 1 < float(one.timestamp) < time.time() + 1, one.timestamp)
        status, headers, text = server.admin("/metrics")
        self.assertTrue(headers["content-type"].startswith("text/plain; version=0.0.4"), headers["content-type"])
        self.assertNotIn(" # {", text)

    @harness.unittest.skipIf(PROMETHEUS is None, "prometheus is not installed")
    def test_a_real_prometheus_stores_them(self):
        server = self.begin()
        url = "http://127.0.0.1:%d" % free_port()
        config = self.directory / "prometheus.yml"
        config.write_text(json.dumps({"scrape_configs": [{
            "job_name": "sluice", "scrape_interval": "1s", "static_configs": [{"targets": [server.admin_address]}],
            "authorization": {"credentials": harness.ADMIN_TOKEN}}]}))
        self.started(Program(
            PROMETHEUS, f"--config.file={config}", f"--storage.tsdb.path={self.directory}/data", "--log.level=warn",
            f"--web.listen-address={url.removeprefix('http://')}", "--enable-feature=exemplar-storage"))

        def stored(family):
            question = urllib.parse.urlencode({"query": family + "_bucket", "start": time.time() - 600, "end": time.time() + 60})
            try:
                status, _, text = fetch(f"{url}/api/v1/query_exemplars?{question}")
            except OSError:
                return []
            return json.loads(text)["data"] if status == 200 else []
        number = 0
        for family in TIMES:
            def seen():
                nonlocal number
                number += 1
                self.ask(server, number, sampled=True)
                return stored(family)
            found = until(seen, 30, 0.5)
            self.assertTrue(found, f"Prometheus has no exemplar of {family}")
            for series in found:
                self.assertEqual(series["seriesLabels"]["model"], "m")
                for one in series["exemplars"]:
                    self.assertIn(one["labels"]["trace_id"], self.traces)


if __name__ == "__main__":
    sys.exit(harness.main())
