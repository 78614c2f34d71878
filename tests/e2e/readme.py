#!/usr/bin/env python3
"""Every ```sh block of the README is run, in order, beside the gateway that the first of them starts.
What cannot run here is written as ```text there."""
import re
import subprocess
import sys

import harness
from harness import ROOT, Case, Program

# The README's addresses are those of `sluice demo`; here it takes free ports.
DATA, ADMIN = "127.0.0.1:8080", "127.0.0.1:9090"


class Readme(Case):
    def test_every_command_works(self):
        text = (ROOT / "README.md").read_text()
        blocks = re.findall(r"^```sh\n(.*?)^```$", text, re.M | re.S)
        self.assertGreater(len(blocks), 5)
        self.assertEqual(blocks[0].strip(), "deploy/quickstart")
        self.assertIn(DATA, text)
        self.assertIn(ADMIN, text)

        quickstart = self.started(Program(
            ROOT / "deploy/quickstart", "--", "--port", "0", "--admin-port", "0", cwd=ROOT))
        self.addCleanup(quickstart.stop, 40)  # whatever fails: killed, it would leave the demo behind
        quickstart.wait_for("keeps running", 900)
        self.assertIn("data: [DONE]", quickstart.output())
        data = quickstart.wait_for(r"http://(127\.0\.0\.1:\d+)/v1/")[1]
        admin = quickstart.wait_for(r"--admin http://(127\.0\.0\.1:\d+)")[1]
        # What it says to try can be tried as it stands.
        for words in re.findall(r"^  (\S+ ctl .*)", quickstart.output(), re.M):
            subprocess.run(words.split(), cwd=ROOT, check=True, capture_output=True, timeout=60)
        for block in blocks[1:]:
            with self.subTest(block):
                if block.strip() == "tests/run":
                    continue  # it is what runs this
                here = block.replace(DATA, data).replace(ADMIN, admin)
                here = here.replace("sluice ctl", f"sluice ctl --admin http://{admin}")
                run = subprocess.run(["bash", "-euo", "pipefail", "-c", here], cwd=ROOT,
                                     capture_output=True, text=True, timeout=60)
                print(f"\n{here}{run.stdout[:600]}{run.stderr[:600]}")
                self.assertEqual(run.returncode, 0, run.stderr + run.stdout)
                self.assertTrue(run.stdout.strip(), "it printed nothing")
                if "stream" in block:
                    self.assertTrue(run.stdout.strip().endswith("data: [DONE]"))
        self.assertEqual(quickstart.stop(40), 0)


if __name__ == "__main__":
    sys.exit(harness.main())
