#!/usr/bin/env python3
"""Recorded streams of many providers, cut at random places on their way through the gateway."""
import asyncio
import json
import random
import re
import sys

import harness
from harness import SHARED, Case, chat, data_events, exchange, gateway_settings, request_bytes, until
from upstream import ScriptedUpstream

CORPUS = SHARED / "corpus"
SPLITS = 20
OPENAI = {"openai.chat": "/v1/chat/completions", "openai.completions": "/v1/completions",
          "openai.responses": "/v1/responses"}

TYPES = {"sse": "text/event-stream", "ndjson": "application/x-ndjson"}
# Another dialect's stream has none of the ends an OpenAI client may take for one, so behind its bytes the
# gateway says so.
NOT_ENDED = re.compile(rb'\n*data: {"error":{"message":"the provider ended its answer early",[^\n]*}}\n\n')


def load():
    rows = [json.loads(line) for line in (CORPUS / "index.jsonl").read_text().splitlines()]
    expected = {row["id"]: row for row in
                map(json.loads, (CORPUS / "expected.jsonl").read_text().splitlines())}
    streams = {}
    for row in rows:
        if row["kind"] == "stream":
            row["bytes_"] = (CORPUS / row["file"]).read_bytes()
            row["expected"] = expected.get(row["id"])
            recorded = [value for name, value in row["headers"] if name == "content-type"]
            row["type"] = recorded[0] if recorded else TYPES[row["framing"]]
            streams[row["id"]] = row
    return streams


def wire_form(data, draw):
    """The answer's body in chunks of random sizes, then cut at random places whatever they fall into."""
    sizes = [draw.choice([1, 7, 100, 1000, 9000]) for _ in range(8)]
    wire, at = bytearray(), 0
    while at < len(data):
        piece = data[at:at + draw.randint(1, draw.choice(sizes))]
        at += len(piece)
        wire += b"%x\r\n%s\r\n" % (len(piece), piece)
    wire += b"0\r\n\r\n"
    cuts = sorted(draw.randrange(1, len(wire)) for _ in range(draw.randint(1, 25)))
    return [bytes(wire[a:b]) for a, b in zip([0] + cuts, cuts + [len(wire)]) if a < b]


def without_usage_chunk(data):
    """What a client that did not ask for usage gets: no event behind the finish that only carries it."""
    kept, finished = [], False
    for event in re.split(rb"(?<=\n\n)|(?<=\r\n\r\n)", data):
        only_usage = False
        for line in event.replace(b"\r\n", b"\n").split(b"\n"):
            value = json.loads(line[5:]) if line.startswith(b"data: {") else {}
            choices = value.get("choices") or []
            only_usage |= finished and value.get("choices") == [] and isinstance(value.get("usage"), dict)
            finished |= any(choice.get("finish_reason") for choice in choices)
        if not only_usage:
            kept.append(event)
    return b"".join(kept)


class Corpus(Case):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.streams = load()

        async def script(body, write):
            ask = json.loads(body)
            row = cls.streams[ask["corpus"]]
            await write(b"HTTP/1.1 200 OK\r\ncontent-type: %s\r\ntransfer-encoding: chunked\r\n\r\n"
                        % row["type"].encode())
            for piece in wire_form(row["bytes_"], random.Random(f"{ask['corpus']} {ask['split']}")):
                await write(piece)
                await asyncio.sleep(0)

        upstream = ScriptedUpstream(script)
        cls.stack.callback(upstream.stop)
        upstreams = [("recorded", upstream.url, 1)]
        models = gateway_settings(cls.directory, upstreams)["models"]
        models["*"]["precommit"] = "off"
        cls.server = cls.gateway(upstreams, models=models)

    def relay(self, jobs):
        """(id, split, body) of each job, [(id, split, path, options)...], some of them at a time."""
        results = []

        async def work(queue):
            while queue:
                stream, split, path, options = queue.pop()
                request = request_bytes(
                    path, chat(stream=True, corpus=stream, split=split, **options),
                    headers=[("x-request-id", f"{stream}-{split}")])
                answer = await exchange(self.server.address, request)
                results.append((stream, split, answer))

        async def all_of_them():
            queue = list(jobs)
            await asyncio.gather(*(work(queue) for _ in range(16)))

        asyncio.run(all_of_them())
        return results

    def path_of(self, row):
        return OPENAI.get((row["expected"] or {}).get("format"), "/v1/chat/completions")

    def options_of(self, row):
        # What another dialect begins with is not known, and not waited for.
        known = (row["expected"] or {}).get("format") in OPENAI
        asked = {"stream_options": {"include_usage": True}} if "completions" in self.path_of(row) else {}
        return asked if known else {"model": row["id"], **asked}

    def test_1_every_stream_comes_out_byte_for_byte_at_every_split(self):
        jobs = [(stream, split, self.path_of(row),
                 self.options_of(row))
                for stream, row in self.streams.items() for split in range(SPLITS)]
        wrong, broken, unframed = {}, {}, {}
        for stream, split, answer in self.relay(jobs):
            row = self.streams[stream]
            expected = row["expected"] or {}
            data = bytes(answer.body)
            if row["framing"] == "sse" and expected.get("format") not in OPENAI and not answer.complete:
                if said := NOT_ENDED.fullmatch(data, len(row["bytes_"])):
                    data = data[:said.start()]
            if answer.status != 200 or data != row["bytes_"]:
                at = next((i for i, (a, b) in enumerate(zip(data, row["bytes_"])) if a != b),
                          min(len(data), len(row["bytes_"])))
                wrong.setdefault(stream, f"split {split}: status {answer.status}, {len(data)} of "
                                 f"{len(row['bytes_'])} bytes, differs at {at}: {data[at:at + 120]!r}")
            legal_end = expected.get("format") in OPENAI and (expected["done"] or expected["finish"])
            if legal_end and not answer.complete:
                broken.setdefault(stream, f"split {split}")
            if answer.bad_framing:
                unframed.setdefault(stream, f"split {split}: {answer.bad_framing}")
        self.assertEqual(wrong, {}, f"{len(wrong)} of {len(self.streams)} streams changed on the way")
        self.assertEqual(unframed, {}, f"the framing of {len(unframed)} answers is not HTTP")
        self.assertEqual(broken, {}, f"{len(broken)} whole streams were made to look broken")

    def test_2_the_access_log_tells_the_usage_the_providers_reported(self):
        wanted = {row["id"]: row["expected"] for row in self.streams.values()
                  if row["expected"] and row["expected"]["format"] in OPENAI}
        lines = {}

        def all_logged():
            for line in self.server.access_log():
                lines[line.get("request_id", "")] = line
            return sum(f"{stream}-{split}" in lines for stream in wanted for split in range(SPLITS)) \
                == len(wanted) * SPLITS
        self.assertTrue(until(all_logged, 10), "a request has no line in the access log")
        wrong = {}
        for stream, expected in wanted.items():
            tokens = expected["tokens"] or {}
            for split in range(SPLITS):
                line = lines[f"{stream}-{split}"]
                told = (line.get("input_tokens"), line.get("output_tokens"))
                # What nobody reported is the gateway's own count, and marked so.
                if not tokens and line.get("estimated"):
                    told = (None, None)
                # A total above the sum of its parts, by what was neither reasoned nor generated: audio of the prompt.
                reported = (tokens.get("prompt"), tokens.get("completion"))
                above = (tokens.get("total") or 0) - sum(count or 0 for count in reported)
                if None not in reported and above > 0 and above != tokens.get("reasoning"):
                    reported = (reported[0] + above, reported[1])
                if told != reported:
                    wrong.setdefault(stream, f"split {split}: told {told}, reported {tokens}")
                if tokens.get("reasoning") and line.get("reasoning_tokens") != tokens["reasoning"]:
                    wrong.setdefault(stream, f"split {split}: {line} reasoning {tokens}")
                if tokens.get("cached") and line.get("cached_input_tokens") != tokens["cached"]:
                    wrong.setdefault(stream, f"split {split}: {line} cached {tokens}")
                if (expected["done"] or expected["finish"]) and line.get("end") != "done":
                    wrong.setdefault(stream, f"split {split}: end is {line.get('end')}, not done")
                if line.get("finish") != expected["finish"]:
                    wrong.setdefault(stream, f"split {split}: finish {line.get('finish')}, not {expected['finish']}")
                if expected["error"] and line.get("end") != "in_band_error":
                    wrong.setdefault(stream, f"split {split}: end is {line.get('end')}, not in_band_error")
        self.assertEqual(wrong, {}, f"usage or end differ for {len(wrong)} of {len(wanted)} streams")

    def test_3_a_client_that_did_not_ask_for_usage_gets_every_other_byte(self):
        rows = [row for row in self.streams.values()
                if (row["expected"] or {}).get("format") == "openai.chat" and not row["expected"]["error"]]
        jobs = [(row["id"], split, "/v1/chat/completions", {}) for row in rows for split in range(5)]
        wrong, removed = {}, 0
        for stream, split, answer in self.relay(jobs):
            whole = self.streams[stream]["bytes_"]
            wanted = without_usage_chunk(whole)
            removed += wanted != whole
            if bytes(answer.body) != wanted or not answer.complete:
                wrong.setdefault(stream, f"split {split}: {len(answer.body)} bytes of {len(wanted)} wanted and "
                                 f"{len(whole)} served, complete: {answer.complete}, "
                                 f"ends {data_events(answer.body)[-2:]}")
        self.assertGreater(removed, 0, "no stream of the corpus has such a chunk")
        self.assertEqual(wrong, {}, f"{len(wrong)} of {len(rows)} streams differ")


if not CORPUS.is_dir():
    harness.skip_all(f"no recorded streams at {CORPUS} (SLUICE_SHARED names the folder above it)")
if __name__ == "__main__":
    sys.exit(harness.main())
