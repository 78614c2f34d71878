#!/usr/bin/env python3
"""The official OpenAI SDK for Python, unmodified, with a token of an identity provider for its key: signed by
the openssl program, verified with a key set that is fetched, exchanged and at last out of reach."""
import base64
import contextlib
import hashlib
import hmac
import http.server
import json
import subprocess
import sys
import threading
import time

import harness
from harness import CLIENT_KEY, OFFLINE, Case, sha256, until

try:
    import openai
except ImportError as missing:
    if OFFLINE:
        harness.skip_all(f"SLUICE_OFFLINE=1 and {missing}")
    sys.exit(f"{missing}: tests/run installs the openai package into build/venv; "
             "SLUICE_OFFLINE=1 skips this test where there is no package index")

USER = [{"role": "user", "content": "echo: one two three"}]
SECRET = "a-secret-of-more-than-thirty-two-characters"


def base64url(octets):
    return base64.urlsafe_b64encode(octets).rstrip(b"=").decode()


def openssl(*arguments, given=b""):
    return subprocess.run(["openssl", *arguments], input=given, capture_output=True, check=True).stdout


def numbers_of(signature):
    """r and s of a DER signature, 32 octets each."""
    at, numbers = 2, b""
    for _ in range(2):
        size = signature[at + 1]
        numbers += signature[at + 2:at + 2 + size].lstrip(b"\0").rjust(32, b"\0")
        at += 2 + size
    return numbers


class Issuer:
    """Signs with an RSA and a P-256 key of its own; their ids begin with `name`."""

    def __init__(self, directory, name):
        self.name, self.rsa, self.ec = name, directory / f"{name}-rsa.pem", directory / f"{name}-ec.pem"
        openssl("genpkey", "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048", "-out", self.rsa)
        openssl("genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256", "-out", self.ec)

    def jwks(self):
        modulus = openssl("rsa", "-in", self.rsa, "-noout", "-modulus").decode().strip().partition("=")[2]
        point = openssl("pkey", "-in", self.ec, "-pubout", "-outform", "DER")[-64:]
        return json.dumps({"keys": [
            {"kty": "RSA", "use": "sig", "kid": self.name + "-rsa", "e": "AQAB",
             "n": base64url(bytes.fromhex(modulus))},
            {"kty": "EC", "use": "sig", "kid": self.name + "-ec", "crv": "P-256",
             "x": base64url(point[:32]), "y": base64url(point[32:])}]})

    def token(self, algorithm="RS256", kid=None, secret=SECRET, **claims):
        payload = {"iss": "https://issuer.example", "aud": "sluice", "sub": "search", "org": "search",
                   "exp": int(time.time()) + 600, **claims}
        kid = kid or f"{self.name}-{'ec' if algorithm == 'ES256' else 'rsa'}"
        text = ".".join(base64url(json.dumps(part).encode()) for part in ({"alg": algorithm, "kid": kid}, payload))
        signature = b""
        if algorithm == "RS256":
            signature = openssl("dgst", "-sha256", "-sign", self.rsa, given=text.encode())
        elif algorithm == "ES256":
            signature = numbers_of(openssl("dgst", "-sha256", "-sign", self.ec, given=text.encode()))
        elif algorithm == "HS256":
            signature = hmac.new(secret.encode(), text.encode(), hashlib.sha256).digest()
        return f"{text}.{base64url(signature)}"


class KeyPlace:
    """Where the key set is fetched: answers with .text, or with 503 while there is none."""

    def __init__(self, text):
        self.text, self.asked, place = text, 0, self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                place.asked += 1
                body = (place.text or "").encode()
                self.send_response(200 if body else 503)
                self.send_header("content-length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/jwks"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def close(self):
        self.server.shutdown()
        self.server.server_close()


class Tokens(Case):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.first, cls.second = (Issuer(cls.directory, name) for name in ("first", "second"))
        cls.simulator_url = cls.simulator().url + "/v1"

    def serve(self, **jwt):
        self.server = self.gateway(
            [("one", self.simulator_url, 1)], workers=1,  # which learns of a change at once or not at all
            jwt={"issuer": "https://issuer.example", "audience": ["sluice"], "tenant": "org", "models": "models", **jwt},
            keys=[{"id": "test", "hash": sha256(CLIENT_KEY)},
                  {"id": "search", "tenant": "search", "models": ["*"], "limits": {"requests": "600/min"}},
                  {"id": "narrow", "tenant": "search", "limits": {"requests": "1/h", "burst": 1}}])
        self.addCleanup(self.server.stop)

    def says(self, token, model="m", **options):
        client = openai.OpenAI(api_key=token, base_url=self.server.url + "/v1", max_retries=0, timeout=30)
        answer = client.chat.completions.create(model=model, messages=USER, **options)
        if not options.get("stream"):
            return answer.choices[0].message.content
        return "".join(chunk.choices[0].delta.content or "" for chunk in answer if chunk.choices)

    def is_let_in(self, token):
        with contextlib.suppress(openai.AuthenticationError, openai.InternalServerError):
            return bool(self.says(token))
        return False

    def refused(self, token, how=openai.AuthenticationError, **options):
        with self.assertRaises(how):
            self.says(token, **options)

    def test_a_fetched_key_set_lets_its_tokens_in_and_no_others(self):
        place = KeyPlace(self.first.jwks())
        self.addCleanup(place.close)
        self.serve(keys=place.url, refresh="1s")
        token = self.first.token()
        self.assertTrue(until(lambda: self.is_let_in(token)), "the key set was never fetched")
        for one in (token, self.first.token("ES256")):
            self.assertEqual(self.says(one), "one two three")
            self.assertEqual(self.says(one, stream=True), "one two three")
        self.assertEqual(self.says(CLIENT_KEY), "one two three")

        ago = int(time.time()) - 60
        for what, bad in {
                "unsigned": self.first.token("none"),
                "signed with the public key": self.first.token("HS256", secret=self.first.jwks()),
                "signed by another": self.second.token(kid="first-rsa"),
                "past its end": self.first.token(exp=ago),
                "before its beginning": self.first.token(nbf=ago + 600),
                "for somebody else": self.first.token(aud="elsewhere"),
                "by another issuer": self.first.token(iss="https://issuer.example.net"),
                "for no key": self.first.token(sub="nobody"),
                "of another tenant": self.first.token(org="other"),
                "bent": token[:-20] + ("A" if token[-20] != "A" else "B") + token[-19:]}.items():
            with self.subTest(what):
                self.refused(bad)
        # Within the leeway of half a minute, both ways.
        self.assertEqual(self.says(self.first.token(exp=int(time.time()) - 5)), "one two three")
        self.assertEqual(self.says(self.first.token(nbf=int(time.time()) + 10)), "one two three")

        half = self.first.token(models=["n*"])
        self.assertEqual(self.says(half, model="n-1"), "one two three")
        self.refused(half, openai.PermissionDeniedError, model="m")
        narrow = [self.first.token(sub="narrow", jti=number) for number in range(2)]
        self.assertEqual(self.says(narrow[0]), "one two three")
        self.refused(narrow[1], openai.RateLimitError)
        self.assertGreater(self.server.total("sluice_key_requests_total", key="search"), 0)

        # Other keys, by their ids, within a refresh; and what was fetched last when the place is gone.
        place.text = self.second.jwks()
        fresh = self.second.token()
        self.assertTrue(until(lambda: self.is_let_in(fresh)), "the new keys never came into force")
        self.refused(token)
        asked, place.text = place.asked, None
        self.assertTrue(until(lambda: place.asked >= asked + 2))
        self.assertEqual(self.says(fresh), "one two three")
        place.close()
        self.assertEqual(self.says(self.second.token("ES256")), "one two three")
        self.server.wait_for("jwks_not_fetched")

    def test_each_place_that_cannot_be_asked_is_told_of(self):
        places = [KeyPlace(None) for _ in range(2)]
        for place in places:
            self.addCleanup(place.close)
        self.serve(keys=places[0].url)
        self.server.wait_for("jwks_not_fetched")
        settings = self.server.settings
        self.server.write_config({**settings, "jwt": {**settings["jwt"], "keys": places[1].url}})
        self.assertEqual(self.server.admin("/admin/v1/reload", "POST")[0], 200)

        def told():
            return self.server.output().count('"jwks_not_fetched"')
        self.assertTrue(until(lambda: places[1].asked > 0 and told() > 1), "the second one was not told of")
        # But once, however often it is asked.
        self.assertTrue(until(lambda: places[1].asked > 1))
        self.assertEqual(told(), 2)
        # And who comes meanwhile is asked to come again: the SDK does so by itself.
        with self.assertRaises(openai.InternalServerError) as refused:
            self.says(self.first.token())
        self.assertEqual((refused.exception.status_code, refused.exception.code), (503, "token_keys_unknown"))
        self.assertNotIn('"jwks_fetched"', self.server.output())
        places[1].text = self.first.jwks()
        self.server.wait_for("jwks_fetched")
        self.assertTrue(until(lambda: self.is_let_in(self.first.token())))

    def test_a_file_or_a_secret_does_as_well(self):
        path = self.directory / "jwks.json"
        path.write_text(self.first.jwks())
        self.serve(keys=str(path), algorithms=["ES256"])
        self.assertEqual(self.says(self.first.token("ES256")), "one two three")
        self.refused(self.first.token("RS256"))
        self.assertEqual(self.server.stop(), 0)
        self.serve(secret=SECRET)
        self.assertEqual(self.says(self.first.token("HS256")), "one two three")
        self.refused(self.first.token("HS256", secret="another-secret-of-more-than-thirty-two-characters"))
        self.refused(self.first.token("RS256"))
        self.assertNotIn(SECRET, self.server.output() + self.server.admin("/admin/v1/config")[2].__str__())


if __name__ == "__main__":
    sys.exit(harness.main())
