"""A webhook handler as Stripe's documentation has it: verified by Stripe's own library, idempotent by the event's id.

Arguments: the port (0 for a free one), the secret, a folder. Prints its port and ends with its stdin. In the folder,
`calls` gets a line for each verified call (`done`, `again` or `failed`, and the id), as it is answered; events in `fail`
get a 500; while there is a file `hold` with a number in it, events after so many are not answered.
"""

import http.server
import pathlib
import sys
import threading
import time

import stripe

port, secret, folder = int(sys.argv[1]), sys.argv[2], pathlib.Path(sys.argv[3])
lock = threading.Lock()


def known():
    calls = folder / "calls"
    lines = calls.read_text().splitlines() if calls.exists() else []
    return {line.split()[1] for line in lines if line.startswith("done ")}


def held():
    try:
        return len(known()) >= int((folder / "hold").read_text())
    except FileNotFoundError:
        return False


def handle(event_id):
    with lock:
        while held():
            time.sleep(0.01)
        fail = folder / "fail"
        failed = fail.exists() and event_id in fail.read_text().split()
        word = "failed" if failed else "again" if event_id in known() else "done"
        with (folder / "calls").open("a") as calls:
            calls.write(f"{word} {event_id}\n")
        return 500 if failed else 200


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        try:
            event = stripe.Webhook.construct_event(body, self.headers["Stripe-Signature"], secret)
            status = handle(event["id"])
        except stripe.SignatureVerificationError:
            status = 400
        self.send_response(status)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_):
        pass


server = http.server.ThreadingHTTPServer(("127.0.0.1", port), Handler)
threading.Thread(target=server.serve_forever, daemon=True).start()
print(server.server_port, flush=True)
sys.stdin.read()
