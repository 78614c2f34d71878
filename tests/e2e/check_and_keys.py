#!/usr/bin/env python3
"""`sluice check` and `sluice key new` as an operator meets them."""
import hashlib
import os
import pathlib
import re
import subprocess
import tempfile
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
BINARY = os.environ.get("SLUICE_BINARY", str(ROOT / "build/release/sluice"))

GOOD = """\
listen: [{address: "127.0.0.1:0"}]
workers: 2
providers: {p: {base_url: "http://127.0.0.1:1/v1"}, q: {base_url: "http://127.0.0.1:2/v1"}}
models:
  m: {targets: [{name: stable, provider: p, weight: 95}, {name: canary, provider: q, weight: 5}], canary: canary}
"""


def run(*arguments, config=None):
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder) / "sluice.yaml"
        if config is not None:
            path.write_text(config, encoding="utf-8")
            arguments = [*arguments, "--config", str(path)]
        done = subprocess.run([BINARY, *arguments], capture_output=True, text=True, timeout=60)
        return done.returncode, done.stdout, done.stderr.replace(str(path), "FILE")


class Check(unittest.TestCase):
    def test_a_good_file_is_summed_up_in_one_paragraph(self):
        code, out, err = run("check", config=GOOD)
        self.assertEqual((code, err), (0, ""))
        self.assertEqual(out, "Listens on 127.0.0.1:0 with 2 workers; admin API on 127.0.0.1:9090. 2 providers: "
                              "p, q. 1 model: m (stable 95%, canary 5%). No keys: the gateway is open to "
                              "everyone who can reach it.\n")

    def test_every_complaint_is_told_with_its_place(self):
        code, out, err = run("check", config=GOOD.replace("workers: 2", "workres: 2") + "heartbeat: 5\n")
        self.assertEqual((code, out), (2, ""))
        self.assertEqual(err, "FILE:2:1: workres: unknown key, did you mean `workers`?\n"
                              "FILE:6:12: heartbeat: \"5\" does not fit, allowed: 10ms to 1h, or 0\n")

    def test_a_missing_file_is_a_complaint(self):
        code, out, err = run("check", "--config", "/nowhere.yaml")
        self.assertEqual((code, out), (2, ""))
        self.assertIn("/nowhere.yaml: cannot be read", err)

    def test_a_directory_instead_of_a_file_is_a_complaint(self):
        with tempfile.TemporaryDirectory() as folder:
            for words in (["check", "--config"], ["ctl", "config", "--try"], ["ctl", "explain", "-f"]):
                code, out, err = run(*words, folder)
                self.assertEqual((code, out), (2, ""), words)
                self.assertIn(folder, err)


class KeyNew(unittest.TestCase):
    def test_the_printed_entry_has_the_hash_of_the_printed_key_and_loads(self):
        code, out, err = run("key", "new", "--tenant", "search")
        self.assertEqual((code, err), (0, ""))
        key, entry = out.split("\n\n", 1)
        self.assertTrue(re.fullmatch(r"sk-sluice-[0-9a-f]{64}", key))
        self.assertIn("sha256:" + hashlib.sha256(key.encode()).hexdigest(), entry)
        self.assertNotIn(key, entry)
        code, out, err = run("check", config=GOOD + entry)
        self.assertEqual((code, err), (0, ""))
        self.assertIn("1 key.", out)

    def test_a_tenant_that_is_no_name_is_refused(self):
        code, out, err = run("key", "new", "--tenant", "two words")
        self.assertEqual((code, out), (2, ""))
        self.assertIn("tenant", err)


if __name__ == "__main__":
    unittest.main()
