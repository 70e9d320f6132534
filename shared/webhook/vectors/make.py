"""Signs deliveries with the providers' own libraries and writes them to vectors.json; see README.md."""

import base64
import hashlib
import hmac
import json
import pathlib
import subprocess
from datetime import datetime, timezone
from importlib.metadata import version

import slack_sdk.signature
import standardwebhooks
import stripe
import svix.webhooks

HERE = pathlib.Path(__file__).parent
AT = 1_790_000_000
BODIES = [
    '{"id":"evt_1","type":"payment_intent.succeeded","data":{"object":{"amount":2000,"currency":"usd"}}}',
    '{\n  "type": "invoice.paid",\r\n\t"text": "Grüße, 世界 \\ud83d\\ude00",  "n": 1.0e3\n}\n',
    "{}",
    " ",
    "token=a&team_id=T1&command=%2Fdeploy&text=now+or+never",
    json.dumps({"type": "large", "text": "x" * 5000}),
]

vectors = []


def vector(provider, library, secret, headers, body, **more):
    vectors.append(
        {"provider": provider, "library": library, "secret": secret, "at": AT, "headers": headers, "body": body, **more}
    )


def by_github(secret, body):
    asked = json.dumps({"do": "sign", "secret": secret, "body": body})
    done = subprocess.run(["node", HERE / "github.mjs"], input=asked, capture_output=True, text=True, check=True)
    return json.loads(done.stdout)


library = f"stripe {version('stripe')}"
header = stripe.WebhookSignature.generate_signature_header
for body in BODIES:
    vector("stripe", library, "whsec_test_secret", {"Stripe-Signature": header(body, "whsec_test_secret", AT)}, body)
rolled = [header(BODIES[0], secret, AT).split(",")[1] for secret in ("whsec_old", "whsec_new")]
for secret in ("whsec_old", "whsec_new"):
    signature = f"t={AT},{rolled[0]},{rolled[1]},v0={'6' * 64}"
    vector("stripe", library, secret, {"Stripe-Signature": signature}, BODIES[0], note="while its secret is rolled")

for body in [*BODIES, "Hello, World!"]:
    secret = "It's a Secret to Everybody"
    signed = by_github(secret, body)
    headers = {"X-GitHub-Event": "push", "X-GitHub-Delivery": "d-1", "X-Hub-Signature-256": signed["answer"]}
    vector("github", signed["library"], secret, headers, body)
    terms = {
        "signature_header": "X-Hub-Signature-256",
        "algorithm": "sha256",
        "encoding": "hex",
        "prefix": "sha256=",
        "template": "{body}",
    }
    vector("hmac", signed["library"], secret, headers, body, terms=terms)

library = f"slack_sdk {version('slack_sdk')}"
for body in BODIES:
    secret = "8f742231b10e8888abcd99yyyzzz85a5"
    signature = slack_sdk.signature.SignatureVerifier(secret).generate_signature(timestamp=str(AT), body=body)
    headers = {"X-Slack-Request-Timestamp": str(AT), "X-Slack-Signature": signature}
    vector("slack", library, secret, headers, body)
    terms = {
        "signature_header": "X-Slack-Signature",
        "algorithm": "sha256",
        "encoding": "hex",
        "prefix": "v0=",
        "template": "v0:{timestamp}:{body}",
        "timestamp_header": "X-Slack-Request-Timestamp",
    }
    vector("hmac", library, secret, headers, body, terms=terms)

when = datetime.fromtimestamp(AT, tz=timezone.utc)
encoded = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
for library, make, names in [
    (f"standardwebhooks {version('standardwebhooks')}", standardwebhooks.Webhook, "webhook"),
    (f"svix {version('svix')}", svix.webhooks.Webhook, "svix"),
]:

    def headers(signature):
        return {f"{names}-id": "msg_1", f"{names}-timestamp": str(AT), f"{names}-signature": signature}

    for body in BODIES:
        vector("standard", library, encoded, headers(make(encoded).sign("msg_1", when, body)), body)
    bare = encoded.removeprefix("whsec_")
    vector("standard", library, bare, headers(make(bare).sign("msg_1", when, BODIES[0])), BODIES[0])
    raw = "a raw secret, no Base64"
    signature = make(raw.encode()).sign("msg_1", when, BODIES[0])
    vector("standard", library, raw, headers(signature), BODIES[0], note="the secret's bytes are the key")
    terms = {
        "signature_header": f"{names}-signature",
        "algorithm": "sha256",
        "encoding": "base64",
        "prefix": "v1,",
        "template": "{id}.{timestamp}.{body}",
        "timestamp_header": f"{names}-timestamp",
        "id_header": f"{names}-id",
    }
    vector("hmac", library, raw, headers(signature), BODIES[0], terms=terms)
    other = make("whsec_" + base64.b64encode(b"another key of some length").decode()).sign("msg_1", when, BODIES[0])
    ours = make(encoded).sign("msg_1", when, BODIES[0])
    both = f"v1a,bm90IHRoaXMgb25l {other} {ours}"
    vector("standard", library, encoded, headers(both), BODIES[0], note="while its secret is rolled")

for algorithm in ["sha1", "sha256", "sha512"]:
    for encoding in ["hex", "base64"]:
        code = hmac.new(b"secret", BODIES[1].encode(), getattr(hashlib, algorithm))
        text = code.hexdigest().upper() if encoding == "hex" else base64.b64encode(code.digest()).decode()
        terms = {"signature_header": "X-Signature", "algorithm": algorithm, "encoding": encoding, "template": "{body}"}
        vector("hmac", "hmac of Python's own library", "secret", {"X-Signature": text}, BODIES[1], terms=terms)

(HERE / "vectors.json").write_text(json.dumps(vectors, indent=1, ensure_ascii=False) + "\n")
print(f"{len(vectors)} vectors")
