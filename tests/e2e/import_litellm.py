#!/usr/bin/env python3
"""A LiteLLM user's configuration, taken over: what comes out is checked, served and asked; what does not is named."""
import json
import os
import subprocess

import harness
from harness import Case, Gateway, fetch

LITELLM = """
model_list:
  - model_name: gpt-4o
    litellm_params: {model: openai/gpt-4o-2024-08-06, api_base: %(stable)s, api_key: os.environ/STABLE_KEY, rpm: 600, tpm: 100000}
    model_info: {id: one, input_cost_per_token: 0.0000025, output_cost_per_token: 1.0e-05, team_id: x}
  - model_name: gpt-4o
    litellm_params: {model: openai/gpt-4o-mini, api_base: %(canary)s, api_key: sk-$literal, weight: 3, timeout: 9}
  - model_name: spare
    litellm_params: {model: hosted_vllm/llama-3, api_base: %(stable)s}
  - model_name: claude
    litellm_params: {model: bedrock/anthropic.claude-v2, aws_region_name: eu-west-1}
  - model_name: deepseek
    litellm_params: {model: deepseek/deepseek-chat, api_key: os.environ/STABLE_KEY}
  - model_name: openai/*
    litellm_params: {model: openai/*, api_key: os.environ/STABLE_KEY}
litellm_settings:
  num_retries: 2
  drop_params: true
  fallbacks: [{gpt-4o: [spare, claude]}, {claude: [spare]}]
router_settings:
  routing_strategy: least-busy
  model_group_alias: {gpt-4: gpt-4o}
  cooldown_time: 7
  redis_host: os.environ/REDIS_HOST
  redis_password: secret
general_settings: {master_key: sk-master, database_url: postgres://x}
callbacks: [langfuse]
"""


class Import(Case):
    def run_it(self, text, *more):
        source = self.directory / "litellm.yaml"
        source.write_text(text)
        return subprocess.run([harness.BINARY, "import-litellm", source, *more], capture_output=True, text=True)

    def test_what_comes_out_is_a_configuration_that_serves(self):
        stable, canary = self.simulator(name="one"), self.simulator(name="two")
        done = self.run_it(LITELLM % {"stable": stable.url + "/v1", "canary": canary.url + "/v1"})
        self.assertEqual(done.returncode, 0, done.stderr)
        left = done.stderr
        for name in ["model_info.team_id", "litellm_params.timeout", "'bedrock' is not of OpenAI's dialect",
                     "model_list[5]: a pattern", "litellm_settings.drop_params", "'claude' is not a model",
                     "general_settings.database_url", "callbacks (line"]:
            self.assertIn(name, left)
            self.assertIn(name, done.stdout, "the file says it too")
        self.assertEqual(sum(line.startswith("not carried over") for line in left.splitlines()), 9, left)
        config = self.directory / "sluice.yaml"
        text = done.stdout.replace("127.0.0.1:4000", "127.0.0.1:0").replace("127.0.0.1:9090", "127.0.0.1:0")
        text = text.replace("./sluice-state", str(self.directory / "state"))
        config.write_text(text)
        environment = {"STABLE_KEY": "sk-stable", "REDIS_HOST": "127.0.0.1"}
        checked = subprocess.run([harness.BINARY, "check", "--config", config], capture_output=True, text=True,
                                 env={**os.environ, **environment})
        self.assertEqual(checked.returncode, 0, checked.stderr + text)
        self.assertRegex(text, r'redis: "?redis://:secret@\$\{REDIS_HOST\}:6379')

        class Imported(Gateway):
            def write_config(self, settings):
                pass
        server = self.started(Imported(None, self.directory, environment))
        status, _, shown = fetch(f"http://{server.admin_address}/admin/v1/config",
                                 headers={"authorization": "Bearer sk-master"})
        self.assertEqual(status, 200, shown)
        asked = {"authorization": "Bearer sk-master"}
        seen = set()
        for _ in range(40):
            status, headers, body = fetch(server.url + "/v1/chat/completions", "POST", harness.chat(model="gpt-4"), asked)
            self.assertEqual(status, 200, body)
            seen.add(headers["x-sluice-target"])
        self.assertLessEqual(seen, {"openai", "openai-2"})
        self.assertEqual(fetch(server.url + "/v1/models")[0], 401)
        models = server_config(shown)["models"]
        self.assertEqual(models["gpt-4o"]["balance"], "least_busy")
        self.assertEqual(models["gpt-4o"]["retry"]["attempts"], 3)
        self.assertEqual(models["gpt-4o"]["breaker"]["cooldown"], "7s")
        self.assertEqual(models["gpt-4o"]["fallbacks"]["any"], ["spare"])
        self.assertEqual(models["gpt-4o"]["targets"][0]["price"], {"input": 2.5, "output": 10})
        self.assertEqual([one["weight"] for one in models["gpt-4o"]["targets"]], [1, 3])
        self.assertEqual(server_config(shown)["providers"]["openai"]["limits"]["tokens"], "100000/min")
        self.assertEqual(server.stop(), 0)

    def test_what_is_no_such_file_is_refused_with_its_name(self):
        for text, words in [("model_list: [", "litellm.yaml:"), ("a: 1", "has no model_list"), ("", "has no model_list")]:
            done = self.run_it(text)
            self.assertEqual(done.returncode, 2)
            self.assertIn(words, done.stderr)
            self.assertEqual(done.stdout, "")
        done = subprocess.run([harness.BINARY, "import-litellm", "/nowhere.yaml"], capture_output=True, text=True)
        self.assertEqual((done.returncode, done.stderr), (2, "/nowhere.yaml: cannot be read\n"))
        done = subprocess.run([harness.BINARY, "import-litellm", self.directory], capture_output=True, text=True)
        self.assertEqual((done.returncode, done.stderr), (2, f"{self.directory}: is a directory\n"))


def server_config(text):
    return json.loads(text)["result"]


if __name__ == "__main__":
    harness.main()
