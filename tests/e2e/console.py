#!/usr/bin/env python3
"""The console in a real browser, as people use it: behind a prefix, by keyboard, with what goes wrong. Screenshots for
eyes go to $SLUICE_SCREENSHOTS if that names a folder."""
import os
import pathlib
import re
import shutil
import sys
import threading
import time
import urllib.request

import harness
from harness import ADMIN_TOKEN, OFFLINE, ROOT, Case, Program, chat, fetch, free_port, until

CHROMIUM = shutil.which("chromium")
AXE = ROOT / "build/node/node_modules/axe-core/axe.min.js"
try:
    from playwright.sync_api import expect, sync_playwright
    expect.set_options(timeout=20_000 * harness.SLOW)
    missing = None if CHROMIUM and AXE.exists() else "chromium or axe-core"
except ImportError as error:
    missing = str(error)
if missing:
    if OFFLINE:
        harness.skip_all(f"SLUICE_OFFLINE=1 and no {missing}")
    sys.exit(f"no {missing}: tests/run installs chromium, playwright (build/venv) and axe-core (build/node)")

SHOTS = os.environ.get("SLUICE_SCREENSHOTS")
PHONE, DESK = {"width": 390, "height": 844}, {"width": 1280, "height": 900}
PAGES = ["models", "keys", "budgets", "audit", "config"]
# What a browser itself says of an answer that the test provoked.
EXPECTED_NOISE = re.compile(r"status of (401|412|400|409)|ERR_INTERNET_DISCONNECTED|ERR_CONNECTION_REFUSED")
PREFIXED = """daemon off; master_process off; pid {at}/nginx.pid; error_log {at}/nginx.log;
events {{}}
http {{ access_log off; client_body_temp_path {at}/b; proxy_temp_path {at}/p; fastcgi_temp_path {at}/f;
  uwsgi_temp_path {at}/u; scgi_temp_path {at}/s;
  server {{ listen 127.0.0.1:{port}; location /ops/sluice/ {{ proxy_pass http://{admin}/; }} }} }}
"""


class Traffic(threading.Thread):
    """Gentle, until stop()."""

    def __init__(self, url):
        super().__init__(daemon=True)
        self.url, self.ended = url, threading.Event()

    def run(self):
        while not self.ended.wait(0.05):
            fetch(self.url + "/v1/chat/completions", "POST", chat(),
                  {"authorization": f"Bearer {harness.CLIENT_KEY}"})

    def stop(self):
        self.ended.set()
        self.join(10)


class Console(Case):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        stable, canary = cls.simulator(name="stable"), cls.simulator(name="canary")
        price = {"input": 1, "output": 4}
        cls.server = cls.gateway([("stable", stable.url + "/v1", 90), ("canary", canary.url + "/v1", 10)])
        settings = cls.server.settings
        settings["models"]["m"].update(price=price, rollout={"steps": [5, 50, 100], "every": "1h"}, breaker={})
        settings["keys"][0]["budget"] = {"daily": "5 USD"}
        cls.server.write_config(settings)
        assert cls.server.admin("/admin/v1/reload", "POST")[0] == 200
        port = free_port()
        config = cls.directory / "nginx.conf"
        config.write_text(PREFIXED.format(at=cls.directory, port=port, admin=cls.server.admin_address))
        cls.started(Program("nginx", "-c", config, "-p", cls.directory, "-e", cls.directory / "nginx.log"))
        cls.url = f"http://127.0.0.1:{port}/ops/sluice/"
        assert until(lambda: cls.answers(cls.url + "console/")), (cls.directory / "nginx.log").read_text()
        traffic = Traffic(cls.server.url)
        traffic.start()
        cls.stack.callback(traffic.stop)
        play = cls.stack.enter_context(sync_playwright())
        cls.browser = play.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        cls.stack.callback(cls.browser.close)

    @staticmethod
    def answers(url):
        try:
            return urllib.request.urlopen(url, timeout=2).status == 200
        except OSError:
            return False

    def open(self, viewport=DESK, scheme="light", sign_in=True, page="models", clock=False, **options):
        context = self.browser.new_context(viewport=viewport, color_scheme=scheme, **options)
        self.addCleanup(context.close)
        context.set_default_timeout(20_000 * harness.SLOW)
        tab = context.new_page()
        tab.said = []
        if clock:
            tab.clock.install()
        tab.on("console", lambda line: tab.said.append(line.text) if line.type in ("error", "warning") else None)
        tab.on("pageerror", lambda failure: tab.said.append(str(failure)))
        tab.on("request", lambda request: self.assertTrue(request.url.startswith(self.url), request.url))
        tab.goto(self.url + f"console/#{page}")
        if sign_in:
            tab.get_by_label("Admin token").fill(ADMIN_TOKEN)
            tab.keyboard.press("Enter")
            expect(tab.get_by_role("link", name="models")).to_be_visible()
        return tab

    def quiet(self, tab):
        self.assertEqual([line for line in tab.said if not EXPECTED_NOISE.search(line)], [])

    def card(self, tab):
        return tab.locator("section.card").filter(has=tab.get_by_role("heading", name="m", exact=True))

    def weight(self, target):
        return self.server.total("sluice_target_weight", model="m", target=target)

    def setUp(self):
        self.server.canary("m", 10)

    def test_1_a_wrong_token_says_so_and_the_right_one_opens(self):
        tab = self.open(sign_in=False)
        tab.get_by_label("Admin token").fill("wrong")
        tab.keyboard.press("Enter")
        expect(tab.get_by_role("alert")).to_have_text("this is not the admin token")
        self.shoot(tab, "wrong-token")
        tab.get_by_label("Admin token").fill(ADMIN_TOKEN)
        tab.get_by_role("button", name="Sign in").click()
        expect(self.card(tab)).to_be_visible()
        tab.get_by_role("button", name="Sign out").click()
        expect(tab.get_by_label("Admin token")).to_be_visible()
        self.assertEqual(tab.evaluate("sessionStorage.length + localStorage.length + document.cookie.length"), 0)
        self.quiet(tab)

    def test_2_the_slider_moves_the_canary_with_a_preview_and_an_undo(self):
        tab = self.open()
        slider = self.card(tab).get_by_role("slider")
        expect(slider).to_have_value("10")
        slider.focus()
        for _ in range(20):
            tab.keyboard.press("ArrowRight")
        preview = self.card(tab).locator(".preview")
        expect(preview).to_contain_text("10 % → 12 % of the requests to the canary")
        self.assertEqual(self.weight("canary"), 10, "a preview moves nothing")
        number = self.card(tab).get_by_role("spinbutton")
        took = []
        # A machine that is busy for a moment spoils one of them.
        while len(took) < 3 and min(took, default=99) >= 1 * harness.SLOW:
            number.fill("37.5")
            expect(preview).to_contain_text("→ 37.5 %")
            self.shoot(tab, "preview")
            begun = time.monotonic()
            tab.keyboard.press("Enter")
            self.assertTrue(until(lambda: self.weight("canary") == 37.5))
            took.append(time.monotonic() - begun)
            expect(self.card(tab).locator("tbody tr").nth(1)).to_contain_text("37.5 %")
            tab.get_by_role("button", name="Undo").click()
            self.assertTrue(until(lambda: self.weight("canary") == 10))
            expect(slider).to_have_value("10")
        self.assertLess(min(took), 1 * harness.SLOW, "the share follows within a second")
        self.quiet(tab)

    def test_3_a_change_that_is_refused_says_why_and_moves_nothing(self):
        tab = self.open()
        number = self.card(tab).get_by_role("spinbutton")
        number.fill("120")
        tab.keyboard.press("Enter")
        expect(self.card(tab).get_by_role("alert")).to_contain_text("percent is from 0 to 100")
        self.shoot(tab, "refused")
        self.card(tab).get_by_role("button", name="Cancel").click()
        # Somebody else is faster.
        number.fill("20")
        self.server.canary("m", 30)
        tab.keyboard.press("Enter")
        expect(self.card(tab).get_by_role("alert")).to_contain_text("changed meanwhile")
        expect(number).to_have_value("30")
        self.assertEqual(self.weight("canary"), 30)
        self.quiet(tab)

    def test_4_a_lost_connection_is_told_and_found_again(self):
        tab = self.open()
        status = tab.get_by_role("status").first
        expect(status).to_have_text("live")
        tab.context.set_offline(True)
        expect(status).to_contain_text("connection lost")
        self.shoot(tab, "connection-lost")
        tab.context.set_offline(False)
        expect(status).to_have_text("live")
        self.quiet(tab)

    def test_5_a_token_that_is_no_longer_taken_ends_the_session(self):
        tab = self.open()
        before = self.server.settings["admin"]["token"]
        settings = {**self.server.settings, "admin": {**self.server.settings["admin"], "token": "another-token"}}
        self.server.write_config(settings)
        self.assertEqual(self.server.admin("/admin/v1/reload", "POST")[0], 200)
        expect(tab.get_by_role("alert")).to_contain_text("the session has ended")
        self.shoot(tab, "session-ended")
        self.server.write_config({**settings, "admin": {**settings["admin"], "token": before}})
        status, _, _ = fetch(f"http://{self.server.admin_address}/admin/v1/reload", "POST", b"",
                             {"authorization": "Bearer another-token"})
        self.assertEqual(status, 200)
        self.quiet(tab)

    def test_6_rollout_breaker_keys_and_budgets_are_worked(self):
        tab = self.open()
        card = self.card(tab)
        card.get_by_role("button", name="Start a rollout").click()
        tab.get_by_role("dialog").get_by_role("button", name="Start").click()
        expect(card.locator(".steps [aria-current=step]")).to_have_text("5%")
        expect(card.get_by_role("row").filter(has_text="errors above stable")).to_be_visible()
        card.get_by_role("button", name="Freeze").click()
        expect(card.get_by_role("button", name="Resume")).to_be_visible()
        card.get_by_role("button", name="Next step now").click()
        expect(card.locator(".steps [aria-current=step]")).to_have_text("50%")
        card.get_by_role("button", name="Roll back").click()
        self.assertTrue(until(lambda: self.weight("canary") == 0))
        held = card.get_by_label("Breaker of canary")
        held.select_option("open")
        self.assertTrue(until(lambda: self.server.total("sluice_breaker_state", model="m", target="canary") != 0))
        expect(card.locator('[data-state="open"]')).to_have_text("open")
        held.select_option("automatic")
        expect(card.locator('.tag[data-state="open"]')).to_have_count(0)

        tab.get_by_role("link", name="keys").click()
        tab.get_by_role("button", name="New key").click()
        tab.get_by_label("Id").fill("from-the-console")
        tab.get_by_role("button", name="Create").click()
        secret = tab.locator(".secret").text_content()
        tab.get_by_role("button", name="I have it").click()
        row = tab.get_by_role("row").filter(has_text="from-the-console")
        expect(row).to_contain_text("active")
        ask = lambda: fetch(self.server.url + "/v1/models", headers={"authorization": f"Bearer {secret}"})[0]
        self.assertTrue(until(lambda: ask() == 200))
        row.get_by_role("button", name="Revoke").click()
        tab.get_by_role("dialog").get_by_role("button", name="Revoke").click()
        expect(row).to_have_count(0)
        self.assertTrue(until(lambda: ask() == 401, 1))

        tab.get_by_role("link", name="budgets").click()
        row = tab.get_by_role("row").filter(has_text="key:test:daily")
        row.get_by_role("button", name="Top up").click()
        tab.get_by_role("dialog").get_by_role("spinbutton").fill("2.5")
        tab.keyboard.press("Enter")
        expect(row).to_contain_text("$7.50 ($2.50 topped up)")
        tab.get_by_role("link", name="audit").click()
        expect(tab.locator(".audit li").filter(has_text="create key").first).to_contain_text("from-the-console")
        tab.get_by_role("link", name="config").click()
        expect(tab.get_by_role("row").filter(has_text="models.m.targets[canary].weight")).to_be_visible()
        self.quiet(tab)

    def test_6b_what_has_no_price_is_not_told_to_cost_nothing(self):
        tab = self.open(page="budgets")
        for _ in range(2):
            fetch(self.server.url + "/v1/chat/completions", "POST", chat(model="unpriced"),
                  {"authorization": f"Bearer {harness.CLIENT_KEY}"})
        row = tab.get_by_role("row").filter(has=tab.get_by_role("cell", name="*", exact=True))
        expect(row.locator('td[data-label="Cost"]')).to_have_text("$0.00, 2 without a price")

    def test_7_every_page_is_accessible_and_fits_light_and_dark_on_a_phone_and_a_desk(self):
        axe = AXE.read_text()
        for viewport, size in ((PHONE, "phone"), (DESK, "desk")):
            for scheme in ("light", "dark"):
                tab = self.open(viewport, scheme, reduced_motion="reduce")
                for page in PAGES:
                    link = tab.get_by_role("link", name=page)
                    link.click()
                    expect(link).to_have_attribute("aria-current", "page")  # what is seen is not the page before
                    expect(tab.locator("main h2").first).to_be_visible()
                    tab.wait_for_load_state("networkidle") if page == "config" else None
                    tab.evaluate(axe)
                    found = tab.evaluate("axe.run().then((result) => result.violations.map((one) => "
                                         "[one.id, one.nodes.map((node) => node.html + ' ' + node.failureSummary)]))")
                    self.assertEqual(found, [], f"{page}, {size}, {scheme}")
                    self.assertLessEqual(tab.evaluate("document.documentElement.scrollWidth"), viewport["width"],
                                         f"{page} is wider than a {size}")
                    self.shoot(tab, f"{page}-{size}-{scheme}")
                self.quiet(tab)

    def test_8_of_many_some_are_drawn_and_the_others_are_found(self):
        before = self.server.settings
        model, key = before["models"]["m"], before["keys"][0]
        many = {**before, "models": {**before["models"], **{f"model-{n}": model for n in range(200)}},
                "keys": [*before["keys"], *({**key, "id": f"key-{n}", "hash": harness.sha256(f"sk-{n}")} for n in range(200))]}
        self.addCleanup(lambda: (self.server.write_config(before), self.server.admin("/admin/v1/reload", "POST")))
        self.server.write_config(many)
        self.assertEqual(self.server.admin("/admin/v1/reload", "POST")[0], 200)
        tab = self.open()
        find = tab.get_by_label("Find a model")
        expect(tab.get_by_text("30 of 202 are shown")).to_be_visible()
        expect(tab.locator("section.card")).to_have_count(30)
        find.fill("MODEL-199")
        expect(tab.locator("section.card")).to_have_count(1)
        expect(tab.get_by_role("heading", name="model-199", exact=True)).to_be_visible()
        self.shoot(tab, "found")
        for page, name, row in (("keys", "key", "key-177"), ("budgets", "budget", "key:key-177:daily")):
            tab.get_by_role("link", name=page).click()
            expect(tab.get_by_text("100 of 201 are shown")).to_be_visible()
            tab.get_by_label(f"Find a {name}").fill("key-177")
            expect(tab.get_by_text("1 of 201")).to_be_visible()
            expect(tab.get_by_role("rowheader", name=row, exact=True)).to_be_visible()
        for n in range(110):
            fetch(self.server.url + "/v1/chat/completions", "POST", chat(), {"authorization": f"Bearer sk-{n}"})
        expect(tab.get_by_text(re.compile("the 100 of 11[0-9] that cost most"))).to_be_visible()
        tab.evaluate(AXE.read_text())
        self.assertEqual(tab.evaluate("axe.run().then((result) => result.violations.map((one) => one.id))"), [])
        self.quiet(tab)

    def test_9_what_is_shown_is_told_to_be_old_when_a_proxy_answers_instead(self):
        tab = self.open()
        status = tab.get_by_role("status").first
        expect(status).to_have_text("live")
        tab.route("**/admin/v1/models", lambda route: route.fulfill(status=502, body="<h1>Bad Gateway</h1>"))
        expect(status).to_contain_text("the gateway answered 502, as of ")
        expect(tab.locator("body")).to_have_class("stale")
        expect(tab.locator("#messages .message")).to_have_count(0)
        tab.unroute("**/admin/v1/models")
        expect(status).to_have_text("live")

    def test_a_an_hour_without_a_touch_leaves_nothing_on_the_screen(self):
        tab = self.open(page="keys", clock=True)
        tab.get_by_role("button", name="New key").click()
        tab.get_by_label("Id").fill("left-alone")
        tab.get_by_role("button", name="Create").click()
        expect(tab.locator(".secret")).to_be_visible()
        tab.clock.fast_forward(3_605_000)
        expect(tab.get_by_role("alert")).to_contain_text("nobody was here for an hour")
        expect(tab.locator("dialog, .message")).to_have_count(0)
        self.assertEqual(tab.evaluate("sessionStorage.length"), 0)
        self.server.admin("/admin/v1/keys/left-alone", "DELETE")
        self.quiet(tab)

    def test_b_where_nobody_signs_in_nobody_has_to_after_an_hour(self):
        directory = self.directory / "without-a-token"
        directory.mkdir()
        upstreams = [("only", "http://127.0.0.1:9/v1", 100)]
        settings = harness.gateway_settings(directory, upstreams, admin={"address": "127.0.0.1:0"})
        open_to_all = self.started(harness.Gateway(settings, directory))
        context = self.browser.new_context()
        self.addCleanup(context.close)
        tab = context.new_page()
        tab.clock.install()
        tab.goto(f"http://{open_to_all.admin_address}/console/")
        expect(tab.get_by_role("status").first).to_have_text("live")
        tab.clock.fast_forward(3_605_000)
        with tab.expect_response("**/admin/v1/models"):
            tab.clock.run_for(2_000)
        expect(tab.get_by_role("heading", name="m", exact=True)).to_be_visible()
        expect(tab.get_by_label("Admin token")).to_have_count(0)

    def test_c_a_secret_goes_only_when_one_says_so(self):
        tab = self.open(page="keys")
        tab.get_by_role("button", name="New key").click()
        tab.get_by_label("Id").fill("shown-once")
        tab.get_by_role("button", name="Create").click()
        expect(tab.locator(".secret")).to_be_visible()
        self.addCleanup(self.server.admin, "/admin/v1/keys/shown-once", "DELETE")
        for _ in range(3):
            tab.keyboard.press("Escape")
        expect(tab.get_by_role("dialog").get_by_role("button", name="Cancel")).to_have_count(0)
        expect(tab.locator(".secret")).to_be_visible()
        tab.get_by_role("button", name="I have it").click()
        expect(tab.locator(".secret")).to_have_count(0)
        self.quiet(tab)

    def test_d_a_breaker_held_elsewhere_shows_even_while_its_field_has_the_focus(self):
        tab = self.open()
        held = self.card(tab).get_by_label("Breaker of canary")
        held.focus()
        held.select_option("open")
        expect(self.card(tab).locator('.tag[data-state="open"]')).to_have_count(1)
        self.server.admin("/admin/v1/models/m/targets/canary/breaker", "PUT", {"state": "automatic"})
        expect(held).to_have_value("automatic")
        expect(held).to_be_focused()

    def test_e_after_a_restart_what_was_seen_is_counted_anew(self):
        tab = self.open()
        counted = {"stable": 1000, "canary": 2}

        def count(route):
            answer = route.fetch()
            told = answer.json()
            for target in told["models"][0]["targets"]:
                target["requests"] = counted[target["name"]]
            told["models"] = told["models"][:1]
            route.fulfill(response=answer, json=told)
        tab.route("**/admin/v1/models", count)
        seen = self.card(tab).locator('td[data-label="Seen"]')
        for now in ({"stable": 1000, "canary": 2}, {"stable": 10, "canary": 40}, {"stable": 30, "canary": 60}):
            counted.update(now)
            for _ in range(2):
                tab.wait_for_event("response", lambda answer: answer.url.endswith("/admin/v1/models"))
        expect(seen).to_have_text(["50 %", "50 %"])

    def test_f_a_page_that_is_none_is_the_first(self):
        tab = self.open(page="toString")
        expect(self.card(tab)).to_be_visible()
        self.quiet(tab)

    def shoot(self, tab, name):
        if SHOTS:
            tab.screenshot(path=pathlib.Path(SHOTS) / f"{name}.png", full_page=True)


if __name__ == "__main__":
    harness.main()
