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


ENTRY = "model_list:\n  - {model_name: a, litellm_params: {model: openai/x, api_key: k1%s}}\n"
TWO = ENTRY % "" + "  - {model_name: b, litellm_params: {model: openai/y, api_key: k1%s}}\n"

# What, the file, what is told of it, and what has to stand in the result: which passes `check` then.
SHAPES = [
    ("merged anchors", "d: &d {api_key: os.environ/STABLE_KEY, rpm: 100}\nmodel_list:\n"
     "  - {model_name: a, litellm_params: {<<: *d, model: openai/x}}\n", ["d (line 1)"], ["api_key: ${STABLE_KEY}", "requests: 100/min"]),
    ("an address of the environment", ENTRY % ", api_base: os.environ/BASE", [], ["base_url: ${BASE}"]),
    ("numbers as Python reads them", ENTRY % ", rpm: 1e3, tpm: '100_000', weight: 0.5"
     + "router_settings: {cooldown_time: 0.5, timeout: 600.0, num_retries: 50, allowed_fails: 0}\n", [],
     ["requests: 1000/min", "tokens: 100000/min", "cooldown: 500ms", "request: 10m", "attempts: 51", "failures: 1\n"]),
    ("numbers that do not fit", ENTRY % ", rpm: 0, weight: -1"
     + "router_settings: {cooldown_time: 0, timeout: none, num_retries: 18446744073709551615, allowed_fails: [1]}\n",
     ["rpm (line 2)", "weight (line 2)", "cooldown_time (line 3)", "timeout (line 3)", "num_retries (line 3)", "allowed_fails (line 3)"], []),
    ("keys in turn, one with two deployments", ENTRY % "" + "  - {model_name: a, litellm_params: {model: openai/x, api_key: k2}}\n"
     "  - {model_name: a, litellm_params: {model: openai/z, api_key: k1}}\n", [], ["name: openai-3"]),
    ("fallbacks of each other", TWO % "" + "router_settings: {fallbacks: [{a: [b]}, {b: [a, b]}]}\n",
     ["'a' of 'b' leads back", "'b' of 'b' leads back"], []),
    ("fallbacks that are none", TWO % "" + "litellm_settings: {fallbacks: [[a, b], {a: b}], context_window_fallbacks: {a: [b]}}\n",
     ["has something that is not a mapping", "'a' falls back to is not a list", "context_window_fallbacks (line 4): is not a list"], []),
    ("half a price", ENTRY % ", input_cost_per_token: 1e-6", ["want both input_cost_per_token"], []),
    ("a price of embeddings", ENTRY % ", input_cost_per_token: 2e-8}, model_info: {mode: embedding", [], ["input: 0.02", "output: 0"]),
    ("prices that are none", ENTRY % ", input_cost_per_token: .inf, output_cost_per_token: 1e-13",
     ["input_cost_per_token (line 2)", "is less than a millionth"], []),
    ("the cheapest of what has no price", TWO % "" + "router_settings: {routing_strategy: cost-based-routing}\n",
     ["of 'a' has a price", "of 'b' has a price"], []),
    ("aliases", ENTRY % "" + "router_settings: {model_group_alias: {g: {model: a, hidden: true}, a: a, h: [a]}}\n",
     ["model_group_alias.g.hidden", "'a' is a model's name already", "'h' is for ''"], ["- g"]),
    ("entries that are none", ENTRY % "" + "  - name\n  -\n  - {model_name: 'a b', litellm_params: {model: openai/x}}\n",
     ["model_list[1] (line 3): is not a mapping", "model_list[2]: has no model_name", "model_list[3].model_name: a model's name"], []),
    ("names that would write more", ENTRY % "" + "  - {model_name: b, litellm_params: {model: \"x\\nkeys: []\\n/y\"}}\n\"k\\nadmin: off\": 1\n",
     ["'x\\u000akeys: []", "k\\u000aadmin: off (line 4)"], []),
    ("other dialects at an address", ENTRY % "" + "  - {model_name: b, litellm_params: {model: azure/x, api_base: 'https://h', api_key: k}}\n"
     "  - {model_name: c, litellm_params: {model: x, custom_llm_provider: ollama, api_base: 'http://h:1'}}\n",
     ["model_list[1]: 'azure'", "model_list[2]: 'ollama'"], []),
    ("the vendor's own variable", "model_list:\n  - {model_name: a, litellm_params: {model: deepseek/x}}\n", [], ["${DEEPSEEK_API_KEY}"]),
    ("patterns", ENTRY % "" + "  - {model_name: 'gpt-*', litellm_params: {model: 'openai/gpt-*', api_key: k}}\n"
     "  - {model_name: 'o*x', litellm_params: {model: openai/x, api_key: k}}\n", ["model_list[2].model_name"], ["gpt-*:"]),
    ("a password in an address", ENTRY % "" + "router_settings: {redis_host: r, redis_password: 'p@ss/w:rd%'}\n", [],
     ["redis://:p%40ss%2Fw%3Ard%25@r:6379"]),
]
REFUSED = [
    ("an alias in itself", "model_list: &l [*l]\n", "litellm.yaml:1:"),
    ("a name twice", ENTRY % "" + "model_list: []\n", "model_list: stands twice"),
    ("two documents", ENTRY % "" + "---\n" + ENTRY % "", "more than one YAML document"),
    ("an end in the middle", ENTRY % "" + "\0\n" + "general_settings: {}\n", "a control character"),
    ("nothing that can be carried over", "model_list: {a: b}\n", "none of its models can be carried over"),
]


class Import(Case):
    def run_it(self, text, *more, timeout=None):
        source = self.directory / "litellm.yaml"
        source.write_text(text)
        return subprocess.run([harness.BINARY, "import-litellm", source, *more], capture_output=True, text=True, timeout=timeout)

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

    def test_what_is_carried_over_passes_the_check_and_the_rest_is_named(self):
        environment = {"STABLE_KEY": "sk-stable", "DEEPSEEK_API_KEY": "sk-deep", "BASE": "http://127.0.0.1:1/v1"}
        for what, text, told, kept in SHAPES:
            with self.subTest(what):
                done = self.run_it(text)
                self.assertEqual(done.returncode, 0, done.stderr)
                for words in told:
                    self.assertIn(words, done.stderr)
                self.assertEqual(done.stderr.count("not carried over"), len(told), done.stderr)
                for words in kept:
                    self.assertIn(words, done.stdout.replace('"', ""))
                config = self.directory / "sluice.yaml"
                config.write_text(done.stdout)
                checked = subprocess.run([harness.BINARY, "check", "--config", config], capture_output=True, text=True,
                                         env={**os.environ, **environment})
                self.assertEqual(checked.returncode, 0, checked.stderr + done.stdout)

    def test_what_cannot_be_read_whole_is_refused(self):
        for what, text, words in REFUSED:
            with self.subTest(what):
                done = self.run_it(text)
                self.assertEqual((done.returncode, done.stdout), (2, ""), done.stderr)
                self.assertIn(words, done.stderr)

    def test_many_deployments_take_no_time(self):
        many = "".join(f"  - {{model_name: m-{n // 2}, litellm_params: {{model: openai/x, api_base: 'http://h{n}/v1'}}}}\n"
                       for n in range(10_000))
        done = self.run_it("model_list:\n" + many, timeout=60)  # it took more than ten minutes
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(done.stdout.count("base_url:"), 10_000)

    def test_what_is_no_such_file_is_refused_with_its_name(self):
        for text, words in [("model_list: [", "litellm.yaml:"), ("a: 1", "has no model_list"), ("", "has no model_list")]:
            done = self.run_it(text)
            self.assertEqual(done.returncode, 2)
            self.assertIn(words, done.stderr)
            self.assertEqual(done.stdout, "")
        done = subprocess.run([harness.BINARY, "import-litellm", "/nowhere.yaml"], capture_output=True, text=True)
        wrong = ": cannot be read, it has to be a readable file of at most 4MiB: "
        self.assertEqual((done.returncode, done.stderr), (2, f"/nowhere.yaml{wrong}No such file or directory\n"))
        done = subprocess.run([harness.BINARY, "import-litellm", self.directory], capture_output=True, text=True)
        self.assertEqual((done.returncode, done.stderr), (2, f"{self.directory}{wrong}Is a directory\n"))


def server_config(text):
    return json.loads(text)["result"]


if __name__ == "__main__":
    harness.main()
