#!/usr/bin/env python3
"""Keys made, exchanged and revoked by `sluice ctl`, over a kill -9."""
import subprocess
import sys

import harness
from harness import Case, Gateway, fetch, gateway_settings, until


class LiveKeys(Case):
    def status(self, secret):
        return fetch(self.server.url + "/v1/models", headers={"authorization": f"Bearer {secret}"})[0]

    def becomes(self, secret, status):
        self.assertTrue(until(lambda: self.status(secret) == status, 1), f"never {status}")

    def test_a_key_lives_over_a_kill_and_dies_when_it_is_told_to(self):
        simulator = self.simulator()
        settings = gateway_settings(self.directory, [("one", simulator.url + "/v1", 1)])
        self.server = self.started(Gateway(settings, self.directory))
        said = self.server.ctl("key", "create", "search-2", "--tenant", "search", "--models", "m", "--limit",
                        "requests=1000/s", "--expires", "2099-01-31")
        secret = said.splitlines()[0]
        self.assertRegex(secret, r"^sk-sluice-[0-9a-f]{64}$")
        self.assertIn("search-2", said)
        self.becomes(secret, 200)
        self.assertIn("already", self.server.ctl("key", "create", "search-2", code=2))
        self.assertIn("did you mean `burst`", self.server.ctl("key", "set", "search-2", "--limit", "bursst=5", code=2))
        self.server.ctl("key", "set", "search-2", "--limit", "burst=5")
        fresh = self.server.ctl("key", "rotate", "search-2", "--grace", "1h").splitlines()[0]
        self.becomes(fresh, 200)
        self.assertEqual(self.status(secret), 200)
        self.server.ctl("key", "revoke", "test")
        self.becomes(harness.CLIENT_KEY, 401)

        self.server.kill()
        self.server = self.started(Gateway(settings, self.directory))
        for one, wanted in ((fresh, 200), (secret, 200), (harness.CLIENT_KEY, 401)):
            self.assertEqual(self.status(one), wanted)
        listed = self.server.ctl("keys")
        print("\n" + listed)
        self.assertRegex(listed, r"search-2 +search +active +live +2099-01-31T00:00:00Z +sha256:[0-9a-f]{8}, "
                                 r"sha256:[0-9a-f]{8} until ")
        self.assertRegex(listed, r"test +default +disabled +file")
        wrong = self.directory / "wrong.yaml"
        wrong.write_text("heartbeat: 5\n")
        for what in ("--try", "--apply"):
            self.assertIn(f"sluice ctl: {wrong}:1:1: models: ", self.server.ctl("config", what, str(wrong), code=2))
        # What the options take away is taken away beside a file too.
        more = self.directory / "more.json"
        more.write_text('{"tenant": "research"}')
        said = self.server.ctl("key", "set", "search-2", "-f", str(more), "--expires", "never", "--limit", "burst=")
        self.assertRegex(said, r"search-2 +research +active +live +sha256:")
        self.server.ctl("key", "revoke", "search-2")
        self.becomes(fresh, 401)
        self.assertEqual(self.status(secret), 401)
        self.assertIn("no key", self.server.ctl("key", "rotate", "search-2", code=2))
        done = subprocess.run([harness.BINARY, "ctl", "--admin", f"http://{self.server.admin_address}", "keys"],
                              capture_output=True, text=True, timeout=60, env={"SLUICE_ADMIN_TOKEN": "another"})
        self.assertEqual((done.returncode, done.stderr),
                         (2, "sluice ctl: the admin API does not take the token in SLUICE_ADMIN_TOKEN\n"))
        self.assertEqual(self.server.stop(), 0)


if __name__ == "__main__":
    sys.exit(harness.main())
