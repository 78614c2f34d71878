#!/usr/bin/env python3
"""What is left of usage and budgets when the gateway is killed in the middle of its work, and what
becomes of both when the disk is full."""
import concurrent.futures
import contextlib
import gzip
import json
import os
import resource
import shutil
import sqlite3
import subprocess
import tempfile
import time
import unittest

import harness
from harness import Case, Gateway, Mock, Program, fetch, gateway_settings, sha256, until

# What the mock says each of its answers took, and what that costs by the prices below.
INPUT, OUTPUT = 211, 250
PRICE = {"input": 1, "output": 4}
NANODOLLARS = INPUT * 1_000 + OUTPUT * 4_000

FREE_KEY = "sk-free"
ROUNDS = int(os.environ.get("SLUICE_LEDGER_ROUNDS", "20"))
PATIENCE = 240  # seconds for all rounds


def settings_with(directory, mock, budget, limits=harness.PATIENT):
    settings = gateway_settings(directory, [("stable", mock.url + "/v1", 1)])
    settings["models"]["m"]["price"] = PRICE
    settings["keys"] = [
        {"id": "paid", "hash": sha256(harness.CLIENT_KEY), "models": ["*"], "budget": {"daily": budget},
         "limits": limits},
        {"id": "free", "hash": sha256(FREE_KEY), "models": ["*"]},
    ]
    return settings


def load(server, key, *options):
    return Program(harness.BENCH / "bench_load", "unary", "--port", server.port, "--key", key, "--model", "m",
                   "--connections", 16, *options)


def usage(server, **query):
    """{key: totals} as the admin API tells it."""
    asked = "&".join(f"{name}={value}" for name, value in query.items())
    status, _, body = server.admin("/admin/v1/usage?by=key" + ("&" + asked if asked else ""))
    assert status == 200, body
    return {row["key"]: row for row in body["rows"]}, body


def spent(server):
    """Nano-dollars, as the budget has it."""
    status, _, body = server.admin("/admin/v1/budgets")
    assert status == 200, body
    return round(body["budgets"][0]["spent_usd"] * 1e9)


def whole(directory, name):
    """What SQLite finds in a copy of the database, and of what was not yet put into it."""
    with tempfile.TemporaryDirectory() as copies:
        for end in ("", "-wal"):
            source = directory / "state" / (name + end)
            if source.exists():
                shutil.copy(source, copies)
        with sqlite3.connect(f"{copies}/{name}") as database:
            return database.execute("PRAGMA integrity_check").fetchone()[0]


def pass_a_second(directory):
    """And what a processor and a disk that others keep busy take from everybody: the longest that a write of ours was late."""
    begin, latest, pause = time.monotonic(), 0, 0.02
    with open(directory / "probe", "wb") as file:
        while (looked := time.monotonic()) < begin + 1 + latest:
            file.write(bytes(4096))
            file.flush()
            os.fsync(file.fileno())
            time.sleep(pause)
            latest = max(latest, time.monotonic() - looked - pause)


@unittest.skipUnless((harness.BENCH / "bench_load").exists(), "the load generator is not built")
class Killed(Case):
    def test_kill_9_under_load_loses_a_second_at_most_and_opens_no_budget(self):
        mock = self.started(Mock())
        budget = 12
        settings = settings_with(self.directory, mock, f"{budget} USD", limits={})
        rate = 1000 // harness.SLOW
        counted, paid, begin = 0, 0, time.monotonic()
        for number in range(1, ROUNDS + 1):
            if time.monotonic() - begin > PATIENCE:
                print(f"\n    only {number - 1} rounds in {PATIENCE} s", end="")
                break
            server = self.started(Gateway(settings, self.directory))
            rows, _ = usage(server)
            before = rows.get("free", {}).get("requests", 0)
            self.assertGreaterEqual(before, counted, f"round {number}: older than a second, and lost")
            in_ledger = rows.get("paid", {}).get("requests", 0)
            self.assertGreaterEqual(spent(server), in_ledger * NANODOLLARS, f"round {number}: the budget was opened")
            loads = [self.started(load(server, key, "--rate", rate, "--seconds", 30))
                     for key in (harness.CLIENT_KEY, FREE_KEY)]
            time.sleep(0.4)
            # All that is counted here is a second old when the gateway dies.
            counted = before + server.total("sluice_key_requests_total", key="free") - 16
            paid += server.total("sluice_requests_total", code="200")
            pass_a_second(self.directory)
            server.kill()
            for each in loads:
                each.kill()
            for name in ("usage.db", "budgets.db"):
                self.assertEqual(whole(self.directory, name), "ok", f"round {number}: {name}")
        server = self.started(Gateway(settings, self.directory))
        rows, _ = usage(server)
        total = rows["paid"]["requests"] + rows["free"]["requests"]
        print(f"\n    {number} rounds, {total} requests in the ledger, {spent(server) / 1e9} of {budget} USD spent",
              end="")
        for row in rows.values():
            answered = row["requests"] - row["usage_unknown"]
            self.assertEqual(row["input_tokens"], answered * INPUT)
            self.assertEqual(row["output_tokens"], answered * OUTPUT)
            self.assertEqual(round(row["cost_usd"] * 1e9), answered * NANODOLLARS)
        self.assertLessEqual(round(rows["paid"]["cost_usd"] * 1e9), budget * 10**9, "more than the budget was spent")
        self.assertGreater(total, 0)
        self.assertEqual(server.stop(), 0)


class Full(Case):
    """Neither usage nor budgets nor the access log can be written for a while."""

    def ask(self, server, count):
        for _ in range(count):
            status, _, body = fetch(server.url + "/v1/chat/completions", "POST", harness.chat(),
                                    {"authorization": f"Bearer {harness.CLIENT_KEY}"})
            self.assertEqual(status, 200, body)

    def serves_through(self, server, fill, make_room):
        self.ask(server, 20)
        self.assertTrue(until(lambda: usage(server)[1]["total"]["requests"] == 20))
        fill()
        self.ask(server, 100)
        self.assertTrue(until(lambda: server.total("sluice_ledger_up") == 0, 20), server.output())
        self.ask(server, 100)
        self.assertGreater(server.total("sluice_ledger_failures_total"), 0)
        self.assertGreater(server.total("sluice_ledger_waiting_bills"), 0)
        make_room()
        self.assertTrue(until(lambda: server.total("sluice_ledger_up") == 1, 20), server.output())
        self.assertTrue(until(lambda: usage(server)[1]["total"]["requests"] == 220), usage(server))
        lost = server.total("sluice_ledger_lost_bills_total")
        self.assertEqual(lost, 0)
        server.wait_for('"(ledger|budgets)_not_written"')
        server.wait_for('"(ledger|budgets)_written"')
        self.assertEqual(server.stop(), 0)

    def test_files_that_may_not_grow(self):
        mock = self.simulator()
        server = self.started(Gateway(settings_with(self.directory, mock, "100 USD"), self.directory))
        _, hard = resource.prlimit(server.process.pid, resource.RLIMIT_FSIZE)
        self.serves_through(
            server,
            lambda: resource.prlimit(server.process.pid, resource.RLIMIT_FSIZE, (0, hard)),
            lambda: resource.prlimit(server.process.pid, resource.RLIMIT_FSIZE, (hard, hard)))

    def small_room(self, name, budget):
        """(settings with their state on a small file system, what fills it, what empties it)"""
        room = self.directory / name
        room.mkdir()
        mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=512k", "tmpfs", room], capture_output=True)
        if mounted.returncode != 0:
            self.skipTest("no small file system can be mounted here")
        self.stack.callback(subprocess.run, ["umount", "-l", str(room)])
        settings = settings_with(self.directory, self.simulator(), budget)
        settings["state"] = {"directory": str(room / "state")}
        settings["access_log"] = "off"
        ballast = room / "ballast"

        def fill():
            with open(ballast, "wb", buffering=0) as file:
                try:
                    while True:
                        file.write(b"x" * 512)
                except OSError:
                    pass
        return settings, fill, ballast.unlink

    def test_it_starts_without_room_and_knows_what_was_spent(self):
        settings, fill, empty = self.small_room("full_at_start", "0.005 USD")
        server = self.started(Gateway(settings, self.directory))

        def answer(key=harness.CLIENT_KEY):
            return fetch(server.url + "/v1/chat/completions", "POST", harness.chat(),
                         {"authorization": f"Bearer {key}"})[0]
        self.assertTrue(until(lambda: answer() == 429, 20), "never spent")
        self.assertEqual(server.stop(), 0)
        fill()
        server = self.started(Gateway(settings, self.directory))
        self.assertEqual([answer(), answer(FREE_KEY)], [429, 200], server.output())
        server.wait_for('"budgets_not_written"')
        self.assertEqual(server.total("sluice_state_unwritten"), 1)
        empty()
        self.assertTrue(until(lambda: (server.total("sluice_state_unwritten"), server.total("sluice_ledger_up")) == (0, 1), 20),
                        server.output())
        self.assertEqual([answer(), answer(FREE_KEY)], [429, 200], server.output())
        self.assertEqual(server.stop(), 0)

    def test_a_file_system_without_room(self):
        settings, fill, empty = self.small_room("small", "100 USD")
        server = self.started(Gateway(settings, self.directory))

        # What SQLite has taken already it may use again: until that is used up, nothing fails.
        def ask_until_full():
            fill()
            until(lambda: self.ask(server, 1) or server.total("sluice_ledger_up") == 0, 1)

        self.ask(server, 5)
        ask_until_full()
        if server.total("sluice_ledger_up") == 1:
            self.skipTest("the file system is full and SQLite still has room in what it holds")
        self.ask(server, 50)
        empty()
        self.assertTrue(until(lambda: server.total("sluice_ledger_up") == 1, 20), server.output())
        self.assertEqual(server.total("sluice_ledger_lost_bills_total"), 0)
        self.assertEqual(server.stop(), 0)


class Stalled(Case):
    """Somebody else has the files of usage and budgets for half a second, as a disk that does not answer has."""

    def test_requests_that_come_at_once_are_let_in_all_the_same(self):
        mock = self.simulator()
        for budget in ("100000 USD", "10 USD"):
            with self.subTest(budget):
                directory = self.directory / budget.split()[0]
                directory.mkdir()
                settings = settings_with(directory, mock, budget, limits={})
                settings["models"]["m"]["price"] = {"input": 1, "output": 40}
                settings["models"]["m"]["targets"][0]["model"] = "sim-latency-200ms"
                server = self.started(Gateway(settings, directory))
                for _ in range(3):
                    self.assertEqual(self.ask(server)[0], 200)
                with contextlib.ExitStack() as held:
                    for name in ("budgets.db", "usage.db"):
                        database = sqlite3.connect(directory / "state" / name, isolation_level=None, timeout=10)
                        held.callback(database.close)
                        database.execute("BEGIN IMMEDIATE")
                    with concurrent.futures.ThreadPoolExecutor(30) as pool:
                        asked = [pool.submit(self.ask, server) for _ in range(30)]
                        concurrent.futures.wait(asked, timeout=0.5)  # the rest of what is waited for is the disk's
                        held.close()
                self.assertEqual([one.result()[0] for one in asked], [200] * 30)
                self.assertEqual(server.total("sluice_limited_total"), 0)
                self.assertEqual(server.stop(), 0)

    def ask(self, server):
        return fetch(server.url + "/v1/chat/completions", "POST", harness.chat(max_tokens=5_000),
                     {"authorization": f"Bearer {harness.CLIENT_KEY}"})


class Pruned(Case):
    """What the manual says of old rows."""

    OLD = 200_000
    PRUNE = "DELETE FROM usage WHERE hour < unixepoch('now', '-400 days')"

    def test_old_rows_go_while_the_gateway_serves_and_no_bill_is_lost(self):
        self.assertIn(self.PRUNE, (harness.ROOT / "deploy/README.md").read_text())
        server = self.started(Gateway(settings_with(self.directory, self.simulator(), "100 USD"), self.directory))
        asked = 0

        def ask(count):
            nonlocal asked
            for _ in range(count):
                status, _, body = fetch(server.url + "/v1/chat/completions", "POST", harness.chat(),
                                        {"authorization": f"Bearer {FREE_KEY}"})
                self.assertEqual(status, 200, body)
            asked += count

        ask(5)
        self.assertTrue(until(lambda: usage(server)[0].get("free", {}).get("requests") == asked))
        database = sqlite3.connect(self.directory / "state/usage.db", timeout=30 * harness.SLOW)
        self.addCleanup(database.close)
        columns = len(database.execute("SELECT * FROM usage").fetchone())
        with database:
            database.executemany(
                f"INSERT INTO usage VALUES(?, 't', ?, 'm', 'stable', 'stable', 'answered', ''{', 1' * (columns - 8)})",
                ((3600 * i, "old") for i in range(self.OLD)))
        self.assertEqual(usage(server, since="1970-01-01")[1]["total"]["requests"], self.OLD + asked)
        begin = time.monotonic()
        database.execute("BEGIN IMMEDIATE")
        gone = database.execute(self.PRUNE).rowcount
        # Nobody else can write now.
        ask(20)
        database.commit()
        print(f"\n    {gone} rows deleted while {asked} requests were served, in {time.monotonic() - begin:.2f} s")
        ask(5)
        self.assertEqual(gone, self.OLD)
        self.assertTrue(until(lambda: usage(server)[0]["free"]["requests"] == asked), usage(server)[1])
        self.assertEqual(usage(server, since="1970-01-01")[1]["total"]["requests"], asked)
        self.assertEqual(server.total("sluice_ledger_lost_bills_total"), 0)
        self.assertEqual(server.stop(), 0)


class Read(Case):
    """A root that may not be written to, without a place for temporary files, as in the container."""

    ROWS = 60_000
    # A program below what is hidden here is started all the same.
    SCRIPT = """exec 7<"$1"; mount --bind "$2" /mnt; for place in /tmp /var/tmp; do mount -t tmpfs -o ro tmpfs $place; done
                cd /tmp; exec /proc/self/fd/7 serve --config /mnt/sluice.yaml"""

    def test_a_ledger_of_many_rows_is_read_where_only_the_state_directory_can_be_written(self):
        alone = ["unshare", "-m", "--propagation", "private"]
        if subprocess.run([*alone, "mount", "-t", "tmpfs", "-o", "ro", "tmpfs", "/var/tmp"], capture_output=True).returncode:
            self.skipTest("nothing can be mounted here")
        settings = settings_with(self.directory, self.simulator(), "100 USD")
        server = self.started(Gateway(settings, self.directory))
        self.assertEqual(server.stop(), 0)
        hour = int(time.time()) // 3600 * 3600
        with sqlite3.connect(self.directory / "state/usage.db") as database:
            columns = len(database.execute("SELECT * FROM usage").description)
            database.executemany(
                f"INSERT INTO usage VALUES(?, 't', ?, ?, 'stable', 'stable', 'answered', ?, 1{', 1000000000' * (columns - 9)})",
                ((hour - 3600 * (i // 300), f"k{i % 30}", f"m{i // 30 % 10}", f"feature={i % 7}")
                 for i in range(self.ROWS)))
        database.close()
        settings.update(state={"directory": "/mnt/state"}, access_log="off")
        server.write_config(settings)
        server = self.started(Program(*alone, "sh", "-ec", self.SCRIPT, "sh", harness.BINARY, self.directory))
        admin = "127.0.0.1:" + server.wait_for(r"admin on port (\d+)")[1]
        status, _, body = fetch(f"http://{admin}/admin/v1/usage?by=tags,key,model&since=1970-01-01",
                                headers={"authorization": f"Bearer {harness.ADMIN_TOKEN}"})
        self.assertEqual(status, 200, body)
        self.assertEqual(json.loads(body)["total"]["requests"], self.ROWS)
        self.assertEqual(server.stop(), 0)


class Table(Case):
    def test_ctl_usage_tells_it_as_table_json_and_csv(self):
        mock = self.simulator()
        server = self.started(Gateway(settings_with(self.directory, mock, "100 USD"), self.directory))
        for feature in ("search", "search", "digest"):
            status, _, body = fetch(
                server.url + "/v1/chat/completions", "POST", harness.chat(),
                {"authorization": f"Bearer {FREE_KEY}", "x-sluice-tags": f"feature={feature}"})
            self.assertEqual(status, 200, body)
        # A bill is written just after its answer, and half a second is all that a question waits for.
        self.assertTrue(until(lambda: usage(server)[1]["total"]["requests"] == 3))

        table = server.ctl("usage", "--by", "tag:feature", "--since", "24h")
        self.assertRegex(table, r"(?m)^search +2 ")
        self.assertRegex(table, r"(?m)^digest +1 ")
        self.assertRegex(table, r"(?m)^total +3 ")
        answer = json.loads(server.ctl("usage", "--json", "--by", "day,key", "--where", "tag=feature=digest"))
        self.assertEqual([row["key"] for row in answer["rows"]], ["free"])
        self.assertEqual(answer["total"]["requests"], 1)
        answer = json.loads(server.ctl("usage", "--json", "--by", "tag:feature", "--where", "tag=feature=digest",
                                       "--where", "key=free", "--where", "tag=feature=search"))
        self.assertEqual(answer["total"]["requests"], 3, "values of one kind are alternatives")
        rows = server.ctl("usage", "--csv", "--by", "key").splitlines()
        self.assertTrue(rows[0].startswith("key,requests,input_tokens,"), rows)
        self.assertTrue(rows[1].startswith("free,3,"), rows)
        self.assertNotIn("feature", "".join(server.metrics()))
        self.assertEqual(server.stop(), 0)

    def test_csv_that_is_cut_says_so_beside_it(self):
        directory = self.directory / "cut"
        directory.mkdir()
        server = self.started(Gateway(settings_with(directory, self.simulator(), "100 USD"), directory))
        asked = [harness.BINARY, "ctl", "--admin", f"http://{server.admin_address}", "usage", "--csv", "--by"]
        token = {"SLUICE_ADMIN_TOKEN": harness.ADMIN_TOKEN}
        with contextlib.closing(sqlite3.connect(directory / "state/usage.db", timeout=30)) as database, database:
            columns = len(database.execute("PRAGMA table_info(usage)").fetchall())
            database.executemany(
                f"INSERT INTO usage VALUES(0, 't', ?, 'm', 'stable', 'stable', 'answered', ''{', 1' * (columns - 8)})",
                ((f"key-{i}",) for i in range(10_001)))
        for by, lines, cut in (("key", 10_001, True), ("tenant", 2, False)):
            done = subprocess.run([*asked, by], capture_output=True, text=True, env=token)
            self.assertEqual((done.returncode, done.stdout.count("\n")), (0, lines))
            self.assertEqual("There are more rows" in done.stderr, cut, done.stderr)
        self.assertEqual(server.stop(), 0)

    def test_the_ledger_is_made_again_from_the_access_log(self):
        mock = self.simulator()
        server = self.started(Gateway(settings_with(self.directory, mock, "100 USD"), self.directory))
        for number in range(5):
            fetch(server.url + "/v1/chat/completions", "POST", harness.chat(),
                  {"authorization": f"Bearer {FREE_KEY}", "x-sluice-tags": f"n={number % 2}"})
        dimensions = "hour,tenant,key,model,target,arm,outcome,tags"
        self.assertTrue(until(lambda: usage(server)[1]["total"]["requests"] >= 5))
        before = server.admin(f"/admin/v1/usage?by={dimensions}")[2]
        words = [harness.BINARY, "ledger", "rebuild", "--state", str(self.directory / "state"),
                 "--from", str(self.directory / "access.jsonl")]
        refused = subprocess.run(words, capture_output=True, text=True)
        self.assertEqual(refused.returncode, 2, "rebuilt under a gateway that runs: " + refused.stderr)
        self.assertEqual(server.stop(), 0)
        self.assertEqual(subprocess.run(words).returncode, 0)
        server = self.started(Gateway(server.settings, self.directory))
        after = server.admin(f"/admin/v1/usage?by={dimensions}")[2]
        self.assertEqual(after["rows"], before["rows"])
        self.assertEqual(after["total"], before["total"])


class Rebuild(Case):
    """What `ledger rebuild` finds is never lost, and it says what it cannot read."""
    LINE = (b'{"time":"2026-11-21T03:09:54.123Z","outcome":"answered","key":"new","model":"m",'
            b'"input_tokens":1,"output_tokens":1}\n')

    def setUp(self):
        super().setUp()
        self.state = self.directory / self._testMethodName
        self.log = self.directory / "logged.jsonl"
        self.log.write_bytes(self.LINE)

    def rebuild(self, *files, state=None, given=None):
        words = [harness.BINARY, "ledger", "rebuild", "--state", str(state or self.state), "--from"]
        return subprocess.run(words + [str(each) for each in files], input=given, capture_output=True)

    def leave_an_old_ledger(self, key):
        """As after a kill -9: what was billed is in the log of writes only."""
        self.state.mkdir(exist_ok=True)
        with tempfile.TemporaryDirectory() as place:
            database = sqlite3.connect(f"{place}/usage.db", isolation_level=None)
            database.execute("PRAGMA journal_mode=WAL")
            database.execute("CREATE TABLE usage(key TEXT)")
            database.execute("INSERT INTO usage VALUES(?)", (key,))
            for name in ("usage.db", "usage.db-wal"):
                shutil.copy(f"{place}/{name}", self.state)
            database.close()

    def keys(self, name):
        """In a copy of the database, and of what was not yet put into it."""
        with tempfile.TemporaryDirectory() as copies:
            for each in self.state.glob(name + "*"):
                shutil.copy(each, copies)
            database = sqlite3.connect(f"{copies}/{name}")
            try:
                return [row[0] for row in database.execute("SELECT key FROM usage")]
            finally:
                database.close()

    def test_what_was_there_is_kept_whole_and_each_time(self):
        for number in (1, 2):
            self.leave_an_old_ledger(f"old-{number}")
            done = self.rebuild(self.log)
            self.assertEqual(done.returncode, 0, done.stderr)
            self.assertEqual(self.keys("usage.db"), ["new"])
        self.assertEqual(self.keys("usage.db.before"), ["old-1"])
        self.assertEqual(self.keys("usage.db.before.2"), ["old-2"])
        self.assertIn(b"usage.db.before.2", done.stdout)

    def test_what_cannot_be_read_changes_nothing(self):
        self.leave_an_old_ledger("old")
        packed = self.directory / "logged.jsonl.1.gz"
        packed.write_bytes(gzip.compress(self.LINE))
        other = self.directory / "other.txt"
        other.write_bytes(b"this is\nno access log\n")
        empty = self.directory / "empty.jsonl"
        empty.write_bytes(b"")
        link = self.directory / "logged.link"
        link.symlink_to(self.log)
        before = {each.name: each.read_bytes() for each in self.state.iterdir()}
        for files, given, says in (([packed], None, b"gunzip"), ([self.log, packed], None, b"gunzip"),
                                   (["-"], packed.read_bytes(), b"zcat"), ([other], None, b"other.txt"),
                                   ([self.log, other], None, b"other.txt"), ([empty], None, b"no line"),
                                   ([self.directory], None, b"directory"), ([self.log, self.log], None, b"twice"),
                                   ([self.log, link], None, b"twice")):
            with self.subTest(files=files):
                done = self.rebuild(*files, given=given)
                self.assertEqual(done.returncode, 1, done.stdout + done.stderr)
                self.assertIn(says, done.stderr)
                self.assertEqual(done.stdout, b"")
                after = {each.name: each.read_bytes() for each in self.state.iterdir() if each.name != "lock"}
                self.assertEqual(after, before)
        # A torn line among whole ones is passed over.
        self.log.write_bytes(self.LINE + self.LINE[:40])
        done = self.rebuild("-", given=self.log.read_bytes())
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn(b"1 broken line", done.stdout)

    @unittest.skipUnless(os.geteuid() == 0, "only root gives files away")
    def test_what_root_makes_again_is_the_gateways(self):
        self.state.mkdir()
        os.chown(self.state, 65534, 65534)
        self.assertEqual(self.rebuild(self.log).returncode, 0)
        owners = {each.name: (each.stat().st_uid, each.stat().st_gid) for each in self.state.iterdir()}
        self.assertEqual(owners, {"lock": (65534, 65534), "usage.db": (65534, 65534)})

    def test_a_directory_that_is_not_there_is_not_made(self):
        wrong = self.directory / "mistyped"
        done = self.rebuild(self.log, state=wrong)
        self.assertEqual(done.returncode, 2)
        self.assertIn(b"mistyped", done.stderr)
        self.assertFalse(wrong.exists())


if __name__ == "__main__":
    harness.main()
