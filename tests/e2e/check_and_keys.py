#!/usr/bin/env python3
"""`sluice check` and `sluice key new` as an operator meets them."""
import hashlib
import http.server
import os
import pathlib
import re
import subprocess
import tempfile
import threading
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


class Binary(unittest.TestCase):
    def test_the_version_tells_the_commit_the_compiler_and_the_libraries(self):
        code, out, err = run("--version")
        self.assertEqual((code, err), (0, ""))
        told = dict(re.findall(r"^([\w.+-]+) +(\S.*)$", out, re.M))
        self.assertIn("sluice", told)
        self.assertRegex(told["commit"], r"^([0-9a-f]{12}|unknown)")
        self.assertRegex(told["compiler"], r"^(Clang|GNU) \d+\.")
        for library in ("Boost", "OpenSSL", "simdjson", "yaml-cpp", "prometheus-cpp"):
            self.assertRegex(told[library], r"^\d+\.\d+", library)

    def test_a_release_is_hardened(self):
        if ", Release" not in run("--version")[1]:
            self.skipTest("not a release")
        told = subprocess.run(["readelf", "-hldW", "--dyn-syms", BINARY], capture_output=True, text=True, check=True).stdout
        for what in (r"Type: +DYN ", r"FLAGS_1\b.*\bPIE\b", r"GNU_RELRO", r"BIND_NOW", r"GNU_STACK.* RW +0",
                     r"__stack_chk_fail\b", r"__memcpy_chk\b"):
            self.assertRegex(told, what)


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


class Commands(unittest.TestCase):
    def test_a_command_there_is_none_of_is_named_with_what_there_is(self):
        for words, name, some in ((["sevre"], "sevre", "serve, check, simulate"), (["ctl", "modles"], "modles", "models, canary"),
                                  (["ctl", "rollout", "stop"], "stop", "start, status"), (["key", "old"], "old", "new")):
            code, out, err = run(*words)
            self.assertEqual((code, out), (2, ""), words)
            self.assertIn(f"there is no command '{name}', allowed: {some}", err)
        code, out, err = run("ledger")
        self.assertEqual((code, out), (2, ""))
        self.assertIn("a command is missing, allowed: rebuild", err)

    def test_a_number_out_of_range_is_told_with_the_range(self):
        for words in (["demo", "--port", "70000"], ["demo", "--admin-port", "-1"]):
            code, out, err = run(*words)
            self.assertEqual((code, out), (2, ""), words)
            self.assertIn(f"{words[1]}: Value {words[2]} not in range 0 to 65535", err)
        for rate in ("1e-10", "0.009", "101", "-1", "nan", "fast"):
            code, out, err = run("demo", "--rate", rate)
            self.assertEqual((code, out), (2, ""), rate)
            self.assertIn(f"--rate: '{rate}' is neither 0 nor from 0.01 to 100", err)

    def test_a_seed_that_is_no_number_is_told_what_one_is(self):
        for seed in ("-1", "1.5", "x", "18446744073709551616"):
            code, out, err = run("simulate", f"--seed={seed}")
            self.assertEqual((code, out), (2, ""), seed)
            self.assertIn(f"--seed: '{seed}' is no whole number from 0 to 18446744073709551615", err)
            self.assertLess(len(err), 200)

    def test_a_file_that_cannot_be_read_is_told_with_the_reason(self):
        for command in ("check", "serve"):
            for path, why in (("/nowhere/at.yaml", "No such file or directory"), ("/", "Is a directory")):
                code, out, err = run(command, "--config", path)
                self.assertEqual((code, out), (2, ""), command)
                self.assertEqual(
                    err, f"{path}: cannot be read, it has to be a readable file of at most 4MiB: {why}\n")

    def test_ctl_says_what_is_wrong_with_what_it_was_given(self):
        token = {**os.environ, "SLUICE_ADMIN_TOKEN": "line\nend"}
        done = subprocess.run([BINARY, "ctl", "models"], capture_output=True, text=True, timeout=60, env=token)
        self.assertEqual((done.returncode, done.stderr),
                         (2, "sluice ctl: the token in SLUICE_ADMIN_TOKEN has more than visible ASCII characters\n"))
        code, out, err = run("ctl", "canary", "m", "5", "--if-version", "new")
        self.assertEqual((code, err), (2, "sluice ctl: 'new' is no version: write a whole number, as 12\n"))

    def test_an_admin_address_that_is_none_is_refused_before_anybody_is_asked(self):
        # 65537 would come out as port 1, and who listens there would be shown the token.
        for address in ("http://127.0.0.1:65537", "127.0.0.1:0", "http://[::1", "http://[::1]9090", "http://me:you@h:9090"):
            code, out, err = run("ctl", "--admin", address, "models")
            self.assertEqual((code, out), (2, ""), address)
            self.assertIn("is no address: write http://HOST:PORT", err)

    def test_an_answer_that_cannot_be_written_is_a_failure(self):
        for words in (["key", "new"], ["check", "--print-table"], ["--version"]):
            with open("/dev/full", "w") as full:
                done = subprocess.run([BINARY, *words], stdout=full, stderr=subprocess.PIPE, text=True, timeout=60)
            self.assertEqual((done.returncode, done.stderr), (1, "sluice: standard output cannot be written\n"), words)


class Deaf(http.server.BaseHTTPRequestHandler):
    """An admin API that answers every second call only, and remembers what it was asked."""
    asked = []

    def do_POST(self):
        self.asked.append((self.path, self.headers["idempotency-key"], self.rfile.read(int(self.headers["content-length"]))))
        if len(self.asked) % 2:
            return
        self.send_response(200)
        self.send_header("content-length", "2")
        self.end_headers()
        self.wfile.write(b"{}")

    def log_message(self, *_):
        pass


class TopUp(unittest.TestCase):
    def test_one_that_was_not_answered_is_told_again_as_ctl_says_and_is_the_same(self):
        admin = http.server.HTTPServer(("127.0.0.1", 0), Deaf)
        threading.Thread(target=admin.serve_forever, daemon=True).start()
        self.addCleanup(admin.server_close)
        self.addCleanup(admin.shutdown)
        to = ["ctl", "--admin", f"http://127.0.0.1:{admin.server_port}"]
        code, out, err = run(*to, "topup", "key:k:daily", "5")
        self.assertEqual((code, out), (1, ""))
        again = re.search(r"sluice ctl (topup key:k:daily 5 --operation \w{32})$", err.strip())
        self.assertTrue(again, err)
        code, _, err = run(*to, *again.group(1).split())
        self.assertEqual((code, err), (0, ""))
        code, _, err = run(*to, "topup", "key:k:daily", "5")
        self.assertEqual(code, 1)
        self.assertEqual(Deaf.asked[0], Deaf.asked[1])
        self.assertNotEqual(Deaf.asked[0][1], Deaf.asked[2][1])


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

    def test_the_longest_tenant_has_an_entry_that_loads(self):
        code, out, err = run("key", "new", "--tenant", "t" * 64)
        self.assertEqual((code, err), (0, ""))
        code, _, err = run("check", config=GOOD + out.split("\n\n", 1)[1])
        self.assertEqual((code, err), (0, ""))

    def test_a_tenant_that_is_no_name_is_refused(self):
        code, out, err = run("key", "new", "--tenant", "two words")
        self.assertEqual((code, out), (2, ""))
        self.assertIn("tenant", err)


if __name__ == "__main__":
    unittest.main()
