"""Lets the providers' own libraries judge what `piton webhook send` sends, over a real connection; see README.md.

The binary is target/debug/piton, or what PITON names.
"""

import http.server
import json
import os
import pathlib
import subprocess
import threading

import slack_sdk.signature
import standardwebhooks
import stripe
import svix.webhooks

HERE = pathlib.Path(__file__).parent
PITON = os.environ.get("PITON", HERE / "../../../target/debug/piton")
SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
received = []


class Receiver(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        received.append(({name.lower(): value for name, value in self.headers.items()}, body))
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b"{}")

    def log_message(self, *_):
        pass


def by_stripe(headers, body):
    return stripe.Webhook.construct_event(body, headers["stripe-signature"], SECRET)["type"]


def by_slack(headers, body):
    assert slack_sdk.signature.SignatureVerifier(SECRET).is_valid_request(body, headers)


def by_github(headers, body):
    asked = {"do": "verify", "secret": SECRET, "body": body.decode(), "signature": headers["x-hub-signature-256"]}
    done = subprocess.run(
        ["node", HERE / "github.mjs"], input=json.dumps(asked), capture_output=True, text=True, check=True
    )
    assert json.loads(done.stdout)["answer"] is True


def by_standard(headers, body):
    standardwebhooks.Webhook(SECRET).verify(body, headers)


def by_svix(headers, body):
    svix.webhooks.Webhook(SECRET).verify(body, headers)


CASES = [
    ("stripe", ["payment_intent.succeeded", "invoice.paid", "customer.subscription.deleted"], [by_stripe]),
    ("github", ["push", "pull_request.opened", "ping"], [by_github]),
    ("slack", ["app_mention", "url_verification", "slash_command"], [by_slack]),
    ("standard", ["invoice.paid", "user.created"], [by_standard, by_svix]),
]

server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Receiver)
threading.Thread(target=server.serve_forever, daemon=True).start()
url = f"http://127.0.0.1:{server.server_port}/hook"


def sent(provider, event, *more):
    command = [PITON, "webhook", "send", url, "--provider", provider, "--event", event, *more]
    subprocess.run(command, check=True, capture_output=True, env={**os.environ, "PITON_WEBHOOK_SECRET": SECRET})
    return received.pop()


for provider, events, judges in CASES:
    for event in events:
        for judge in judges:
            judge(*sent(provider, event))
            for wrong in ["--wrong-signature", "--stale"]:
                if wrong == "--stale" and provider == "github":
                    continue  # GitHub signs no time.
                delivery = sent(provider, event, wrong)
                try:
                    judge(*delivery)
                except Exception as refused:
                    print(f"{provider} {event} {wrong}: refused by {judge.__name__} ({type(refused).__name__})")
                else:
                    raise SystemExit(f"{provider} {event} {wrong} was accepted by {judge.__name__}")
            print(f"{provider} {event}: accepted by {judge.__name__}")
