#!/usr/bin/env python3
"""No key, no token and nothing of a prompt is found where it does not belong."""
import asyncio
import json
import secrets
import subprocess
import sys

import harness
from harness import BINARY, Case, Gateway, chat, exchange, gateway_settings, request_bytes, sha256


class NoLeaks(Case):
    def test_nothing_leaks(self):
        marks = {name: f"{prefix}{secrets.token_hex(16)}" for name, prefix in (
            ("client key", "sk-c-"), ("unknown key", "sk-u-"), ("provider key", "sk-p-"),
            ("admin token", "adm-"), ("wrong admin token", "bad-"), ("prompt", "prompt-"))}
        simulator = self.simulator()
        settings = gateway_settings(
            self.directory, [("stable", simulator.url + "/v1", 90), ("canary", simulator.url + "/v1", 10)],
            keys=[{"id": "test", "hash": sha256(marks["client key"]), "models": ["*"], "may_choose_target": True}],
            timeouts={"first_byte": "2s", "stream_idle": "2s"})
        settings["admin"]["token"] = "${TEST_ADMIN_TOKEN}"
        for provider in settings["providers"].values():
            provider["api_key"] = "${TEST_PROVIDER_KEY}"
        environment = {"TEST_ADMIN_TOKEN": marks["admin token"], "TEST_PROVIDER_KEY": marks["provider key"]}
        server = self.started(Gateway(settings, self.directory, environment))
        seen = {}  # where -> text

        def ask(name, body, key=marks["client key"], path="/v1/chat/completions", headers=()):
            answer = asyncio.run(exchange(server.address, request_bytes(path, body, key=key, headers=headers)))
            body = bytes(answer.body).decode("utf-8", "replace")
            seen[f"answer to {name}"] = f"{answer.status} {answer.headers} {body}"
            return answer

        prompt = marks["prompt"]
        self.assertEqual(ask("a good request", chat(prompt)).status, 200)
        self.assertEqual(ask("a good stream", chat(prompt, stream=True)).status, 200)
        for fault in ("echo-key", "error-500", "error-429", "reset-head", "stall-head", "html", "redirect"):
            for stream in (False, True):
                ask(f"{fault}, stream {stream}", chat(prompt, model=f"sim-{fault}", stream=stream))
        for fault in ("cut-2", "stall-2", "error-in-200", "bad-event"):
            ask(fault, chat(prompt, model=f"sim-{fault}", stream=True))
        ask("an unknown key", chat(prompt), key=marks["unknown key"])
        ask("bad JSON", ('{"model": "m", "messages": ["' + prompt).encode())
        ask("a duplicate", ('{"model": "m", "model": "%s"}' % prompt).encode())
        ask("a wrong type", {"model": {"x": prompt}})
        ask("an unknown path", chat(prompt), path="/v1/nothing")
        ask("a bad target", chat(prompt), headers=[("x-sluice-target", "nobody")])
        ask("legacy", {"model": "m", "prompt": prompt}, path="/v1/completions")
        ask("embeddings", {"model": "m", "input": prompt}, path="/v1/embeddings")

        def admin(path, method="GET", body=None, token=marks["admin token"]):
            status, headers, text = harness.fetch(
                f"http://{server.admin_address}{path}", method, body, {"authorization": f"Bearer {token}"})
            seen[f"admin {method} {path} {token[:3]}"] = f"{status} {headers} {text}"
            return status

        for path in ("/metrics", "/readyz", "/admin/v1/models", "/admin/v1/models/m", "/admin/v1/config",
                     "/admin/v1/audit"):
            self.assertEqual(admin(path), 200, path)
        self.assertEqual(admin("/admin/v1/config", token=marks["wrong admin token"]), 401)
        self.assertEqual(admin("/admin/v1/models/m/canary", "PUT", {"percent": 20}), 200)
        admin("/admin/v1/explain", "POST", chat(prompt))
        admin("/admin/v1/nothing", "POST", {"x": prompt})
        server.write_config({**settings, "unknown": 1})
        admin("/admin/v1/reload", "POST")
        server.write_config({**settings, "admin": {**settings["admin"], "token": "${MISSING}"}})
        admin("/admin/v1/reload", "POST")
        check = subprocess.run([BINARY, "check", "--config", server.config], capture_output=True, text=True,
                               env={**environment, "PATH": "/usr/bin"})
        seen["sluice check"] = check.stdout + check.stderr
        self.assertEqual(check.returncode, 2)
        self.assertEqual(server.stop(), 0)

        seen["stderr"] = server.output()
        for file in self.directory.rglob("*"):
            if file.is_file() and file != server.config:
                seen[f"file {file.relative_to(self.directory)}"] = file.read_bytes().decode("utf-8", "replace")
        self.assertIn("file access.jsonl", seen)
        self.assertGreater(len(seen["file access.jsonl"].splitlines()), 20)
        # The simulator was given the right key, so that not finding it proves something.
        self.assertIn("..." + marks["provider key"][-4:], json.dumps(simulator.stats()["keys"]))
        leaks = [f"{name} in {where}: ...{text[max(0, text.index(mark) - 80):][:200]}"
                 for name, mark in marks.items() for where, text in seen.items() if mark in text]
        self.assertEqual(leaks, [])
        print(f"\n    {len(marks)} secrets looked for in {len(seen)} places")


if __name__ == "__main__":
    sys.exit(harness.main())
