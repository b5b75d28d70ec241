"""Verifies calls, one JSON object a line: {"header", "body", "secrets"}.

Each secret must be accepted by Stripe's own library, and must give a signature that this script computes itself. A
secret that nobody signed with must be refused.
"""

import hashlib
import hmac
import json
import sys

import stripe

verified = 0
for line in sys.stdin:
    call = json.loads(line)
    parts = [part.split("=", 1) for part in call["header"].split(",")]
    (time,) = [value for name, value in parts if name == "t"]
    signed = f"{time}.{call['body']}".encode()
    expected = [hmac.new(secret.encode(), signed, hashlib.sha256).hexdigest() for secret in call["secrets"]]
    assert [value for name, value in parts if name == "v1"] == expected, call["header"]
    for secret in call["secrets"]:
        event = stripe.Webhook.construct_event(call["body"], call["header"], secret)
        assert event["id"] == json.loads(call["body"])["id"]
    try:
        stripe.Webhook.construct_event(call["body"], call["header"], "whsec_other")
    except stripe.SignatureVerificationError:
        verified += 1
print(verified)
