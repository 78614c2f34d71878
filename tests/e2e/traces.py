#!/usr/bin/env python3
"""Traces as a collector gets them: decoded by OpenTelemetry's own protocol classes, which refuse what they do not
know, for retries, fallbacks, streams and errors, with a collector that goes away and comes back."""
import asyncio
import base64
import http.server
import json
import re
import ssl
import subprocess
import sys
import threading

import harness
from harness import OFFLINE, Case, chat, exchange, fetch, free_port, request_bytes, until

try:
    from google.protobuf import json_format
    from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
    from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status
except ImportError as missing:
    if OFFLINE:
        harness.skip_all(f"SLUICE_OFFLINE=1 and {missing}")
    sys.exit(f"{missing}: tests/run installs the opentelemetry-proto package into build/venv; "
             "SLUICE_OFFLINE=1 skips this test where there is no package index")

TRACE, PARENT = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
SECRET = "collector-secret-4242"
IDS = {"traceId": 32, "spanId": 16, "parentSpanId": 16}


def as_protobuf_has_it(value):
    """OTLP writes ids in hex where protobuf's own JSON has base64; all else is the same."""
    if isinstance(value, list):
        return [as_protobuf_has_it(each) for each in value]
    if not isinstance(value, dict):
        return value
    changed = {}
    for name, each in value.items():
        if name in IDS:
            if not re.fullmatch("[0-9a-f]{%d}" % IDS[name], each):
                raise ValueError(f"{name} is {each!r}")
            changed[name] = base64.b64encode(bytes.fromhex(each)).decode()
        else:
            changed[name] = as_protobuf_has_it(each)
    return changed


def value_of(any_value):
    kind = any_value.WhichOneof("value")
    if kind == "array_value":
        return [value_of(each) for each in any_value.array_value.values]
    return getattr(any_value, kind)


class Told:
    """One span, with its attributes as a dictionary."""

    def __init__(self, span, resource):
        self.span, self.resource = span, resource
        self.id, self.parent, self.trace = span.span_id.hex(), span.parent_span_id.hex(), span.trace_id.hex()
        self.at = {each.key: value_of(each.value) for each in span.attributes}
        assert len(self.at) == len(span.attributes), "an attribute stands twice"
        self.failed = span.status.code == Status.STATUS_CODE_ERROR


class Collector:
    """OTLP over HTTP. What it cannot decode is a complaint."""

    def __init__(self, port=None, certificate=None):
        outer = self
        self.spans, self.bodies, self.headers, self.complaints, self.lock = [], [], [], [], threading.Lock()

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["content-length"]))
                outer.take(self.path, self.headers, body)
                self.send_response(200)
                self.send_header("content-type", "application/json")
                self.send_header("content-length", "2")
                self.end_headers()
                self.wfile.write(b"{}")

            def log_message(self, *_):
                pass
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", port or free_port()), Handler)
        self.port = self.server.server_address[1]
        if certificate:
            tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            tls.load_cert_chain(certificate)
            self.server.socket = tls.wrap_socket(self.server.socket, server_side=True)
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True)
        self.thread.start()

    def take(self, path, headers, body):
        with self.lock:
            self.bodies.append(body)
            self.headers.append(headers)
            try:
                if path != "/v1/traces" or headers["content-type"] != "application/json":
                    raise ValueError(f"{path} with {headers['content-type']}")
                message = json_format.ParseDict(as_protobuf_has_it(json.loads(body)), ExportTraceServiceRequest())
                for group in message.resource_spans:
                    resource = {each.key: value_of(each.value) for each in group.resource.attributes}
                    for scope in group.scope_spans:
                        assert scope.scope.name == "sluice"
                        self.spans += [Told(span, resource) for span in scope.spans]
            except (ValueError, AssertionError, json_format.ParseError) as wrong:
                self.complaints.append(str(wrong))

    def of(self, trace):
        with self.lock:
            return sorted((one for one in self.spans if one.trace == trace), key=lambda one: one.span.start_time_unix_nano)

    def stop(self):
        self.server.shutdown()
        self.server.server_close()
        self.thread.join(5)


class Traces(Case):
    def begin(self, models, certificate=None, trusted=None):
        self.collector = Collector(certificate=certificate)
        self.stack.callback(lambda: self.collector.stop())
        self.provider = self.simulator("--behaviour", "ok")
        self.number = 0
        server = self.gateway([("one", self.provider.url + "/v1", 1)], models=models, tracing={
            "otlp": f"{'https' if certificate else 'http'}://127.0.0.1:{self.collector.port}", "headers": {"x-key": SECRET},
            "sample": "0%", "resource": {"deployment.environment.name": "test"}},
            environment={"SSL_CERT_FILE": str(trusted)} if trusted else None)
        self.addCleanup(lambda: server.process.poll() is None and server.stop())
        return server

    def ask(self, server, model="m", spans=2, **body):
        """The client's status and the spans of one request, the server's first."""
        self.number += 1
        trace = "%032x" % (0xabc0 + self.number)
        left_out = self.copies_left_out(server)
        request = request_bytes("/v1/chat/completions", chat(model=model, **body),
                                headers=[("traceparent", f"00-{trace}-{PARENT}-01")])
        answer = asyncio.run(exchange(server.address, request))
        # A worker that is late leaves a copy out; that one is asked again.
        if self.copies_left_out(server) > left_out:
            return self.ask(server, model, spans, **body)
        self.assertTrue(until(lambda: len(self.collector.of(trace)) >= spans), f"no spans for {answer.body}")
        told = self.collector.of(trace)
        self.assertEqual(len(told), spans, [one.span.name for one in told])
        self.assertEqual(self.collector.complaints, [])
        server_span, attempts = told[0], told[1:]
        self.assertEqual(server_span.parent, PARENT)
        self.assertEqual(server_span.span.kind, Span.SPAN_KIND_SERVER)
        for number, attempt in enumerate(attempts, 1):
            self.assertEqual(attempt.parent, server_span.id)
            self.assertEqual(attempt.span.kind, Span.SPAN_KIND_CLIENT)
            copied = attempt.at["sluice.attempt.kind"] == "shadow"  # it is not counted, and may last longer
            self.assertEqual(attempt.at["sluice.attempt"], 1 if copied else number)
            self.assertGreaterEqual(attempt.span.start_time_unix_nano, server_span.span.start_time_unix_nano)
            self.assertLessEqual(attempt.span.start_time_unix_nano, attempt.span.end_time_unix_nano)
            if not copied:
                self.assertLessEqual(attempt.span.end_time_unix_nano, server_span.span.end_time_unix_nano)
        return answer.status, server_span, attempts

    @staticmethod
    def copies_left_out(server):
        return server.total("sluice_shadow_pairs_total", outcome="dropped_load")

    def test_retries_fallbacks_streams_and_errors(self):
        def targets(model):
            return [{"name": "only", "provider": "one", "model": model, "price": {"input": 10, "output": 20}}]
        once = {"retry": {"attempts": 1}, "breaker": "off"}
        server = self.begin({
            "m": {"targets": targets("plain"), **once},
            "again": {"targets": targets("sim-error-503"), "breaker": "off",
                      "retry": {"attempts": 3, "base": "1ms", "cap": "2ms", "budget": "100%"}},
            "falling": {"targets": targets("sim-error-500"), "fallbacks": ["m"], **once},
            "cut": {"targets": targets("sim-tokens-20+cut-5"), **once}})
        status, request, [attempt] = self.ask(server)
        self.assertEqual(status, 200)
        self.assertEqual(request.span.name, "chat m")
        self.assertEqual(attempt.span.name, "chat plain")
        self.assertEqual(request.resource["service.name"], "sluice")
        self.assertEqual(request.resource["deployment.environment.name"], "test")
        for one in (request, attempt):
            self.assertFalse(one.failed)
            self.assertEqual(one.at["gen_ai.operation.name"], "chat")
            self.assertEqual(one.at["gen_ai.provider.name"], "one")
            self.assertEqual(one.at["http.response.status_code"], 200)
            self.assertGreater(one.at["gen_ai.usage.input_tokens"], 0)
            self.assertGreater(one.at["gen_ai.usage.output_tokens"], 0)
            self.assertGreater(one.at["sluice.cost_usd"], 0)
        self.assertEqual(request.at["sluice.key"], "test")
        self.assertEqual(request.at["url.path"], "/v1/chat/completions")
        self.assertEqual(f'{attempt.at["server.address"]}:{attempt.at["server.port"]}', self.provider.address)

        status, request, [attempt] = self.ask(server, stream=True)
        for one in (request, attempt):
            [event] = one.span.events
            self.assertEqual(event.name, "gen_ai.first_token")
            self.assertGreater(event.time_unix_nano, one.span.start_time_unix_nano)
            self.assertLessEqual(event.time_unix_nano, one.span.end_time_unix_nano)
            self.assertEqual(one.at["gen_ai.response.finish_reasons"], ["stop"])
            self.assertIs(one.at["gen_ai.request.stream"], True)

        status, request, attempts = self.ask(server, "again", 4)
        self.assertEqual(status, 503)
        self.assertTrue(request.failed)
        self.assertEqual([one.at["sluice.attempt.kind"] for one in attempts], ["first", "retry", "retry"])
        self.assertEqual([one.at["error.type"] for one in attempts], ["status_5xx"] * 3)
        self.assertTrue(all(one.failed for one in attempts))

        status, request, [first, second] = self.ask(server, "falling", 3)
        self.assertEqual(status, 200)
        self.assertFalse(request.failed)
        self.assertEqual(request.at["sluice.answered_by"], "m")
        self.assertEqual([first.at["sluice.attempt.kind"], second.at["sluice.attempt.kind"]], ["first", "fallback"])
        self.assertEqual([first.failed, second.failed], [True, False])

        _, request, [attempt] = self.ask(server, "cut", stream=True)
        self.assertTrue(request.failed and attempt.failed)
        self.assertIn("error.type", attempt.at)

        status, request, [] = self.ask(server, "nobody-has-it", 1)
        self.assertEqual((status, request.failed, request.span.name), (404, False, "chat"))
        self.assertTrue(until(lambda: server.total("sluice_spans_exported_total") == len(self.collector.spans)))
        self.assertEqual(server.total("sluice_spans_dropped_total"), 0)

    def test_a_hedge_and_its_loser(self):
        server = self.begin({"m": {
            "targets": [{"name": "late", "provider": "one", "model": "sim-latency-5s", "weight": 1},
                        {"name": "other", "provider": "one", "model": "plain", "weight": 0.000001}],
            "hedge": {"after": "50ms", "budget": "100%"}, "retry": {"attempts": 1}}})
        status, request, [late, other] = self.ask(server, spans=3)
        self.assertEqual((status, request.failed), (200, False))
        self.assertEqual(request.at["sluice.attempts"], 2)
        self.assertEqual((late.at["sluice.target"], late.at["sluice.attempt.kind"]), ("late", "first"))
        self.assertEqual((other.at["sluice.target"], other.at["sluice.attempt.kind"]), ("other", "hedge"))
        self.assertEqual((late.at["sluice.outcome"], late.failed), ("hedge_lost", False))
        self.assertGreaterEqual(other.span.start_time_unix_nano - late.span.start_time_unix_nano, 50_000_000)
        self.assertGreater(other.at["gen_ai.usage.output_tokens"], 0)
        self.assertNotIn("gen_ai.usage.output_tokens", late.at)

    def test_a_copy_is_in_the_trace_of_what_it_is_a_copy_of(self):
        server = self.begin({"m": {
            "targets": [{"name": "used", "provider": "one", "weight": 1}, {"name": "tried", "provider": "one", "weight": 0}],
            "shadow": {"target": "tried", "percent": "100%"}}})
        status, request, [used, tried] = self.ask(server, spans=3)
        self.assertEqual((status, request.at["sluice.attempts"]), (200, 1))
        self.assertEqual((used.at["sluice.target"], used.at["sluice.attempt.kind"]), ("used", "first"))
        self.assertEqual((tried.at["sluice.target"], tried.at["sluice.attempt.kind"]), ("tried", "shadow"))
        self.assertFalse(tried.failed)

    def test_a_collector_behind_tls_has_to_be_trusted(self):
        certificate = self.directory / "collector.pem"
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "1",
                        "-subj", "/CN=collector", "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", certificate,
                        "-out", self.directory / "trusted.pem"], check=True, capture_output=True)
        with open(certificate, "ab") as both:
            both.write((self.directory / "trusted.pem").read_bytes())
        models = {"m": {"targets": [{"provider": "one"}]}}
        server = self.begin(models, certificate, self.directory / "trusted.pem")
        self.ask(server)
        self.assertEqual(server.stop(), 0)
        self.assertEqual(self.collector.headers[0]["x-key"], SECRET)
        server = self.begin(models, certificate)
        fetch(server.url + "/v1/chat/completions", "POST", chat(), {
            "authorization": f"Bearer {harness.CLIENT_KEY}", "traceparent": f"00-{TRACE}-{PARENT}-01"})
        self.assertIn("certificate", server.wait_for('"spans_not_exported".*').group())
        self.assertEqual(self.collector.bodies, [], "spans or the header's secret went to somebody else")

    def test_what_is_said_stays_between_client_and_provider(self):
        server = self.begin({"m": {"targets": [{"provider": "one"}]}})
        status, _, _ = self.ask(server, content="echo: prompt-marker-17", user="user-marker-18")
        self.assertEqual(status, 200)
        for body in self.collector.bodies:
            for marker in (b"prompt-marker", b"user-marker", harness.CLIENT_KEY.encode(), harness.PROVIDER_KEY.encode(),
                           SECRET.encode()):
                self.assertNotIn(marker, body)
        self.assertEqual(self.collector.headers[0]["x-key"], SECRET)
        self.assertNotIn(SECRET, server.output())
        self.assertNotIn(SECRET, json.dumps(server.admin("/admin/v1/config")[2]))

    def test_a_collector_goes_away_and_comes_back(self):
        server = self.begin({"m": {"targets": [{"provider": "one"}]}})
        self.ask(server)
        self.collector.stop()
        for number in range(20):
            status, _, _ = fetch(server.url + "/v1/chat/completions", "POST", chat(), {
                "authorization": f"Bearer {harness.CLIENT_KEY}", "traceparent": f"00-{'%032x' % (7000 + number)}-{PARENT}-01"})
            self.assertEqual(status, 200)
        server.wait_for('"spans_not_exported"')
        back = Collector(self.collector.port)
        self.collector = back
        self.assertTrue(until(lambda: len(back.spans) >= 40), "spans of the time between")
        server.wait_for('"spans_exported"')
        self.assertEqual(back.complaints, [])
        self.assertEqual(server.output().count('"spans_not_exported"'), 1, "it is told once")
        self.assertEqual(server.total("sluice_spans_dropped_total"), 0)
        # What is there when it ends goes out before.
        before = len(back.spans)
        fetch(server.url + "/v1/chat/completions", "POST", chat(), {
            "authorization": f"Bearer {harness.CLIENT_KEY}", "traceparent": f"00-{TRACE}-{PARENT}-01"})
        self.assertEqual(server.stop(), 0)
        self.assertTrue(until(lambda: len(back.spans) == before + 2), len(back.spans))


if __name__ == "__main__":
    sys.exit(harness.main())
