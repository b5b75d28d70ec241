"""Our own S3 as a process, the tools and their peers, for the parts that list and restore."""

import json
import os
import subprocess
import urllib.parse
import urllib.request

ENV = {
    **os.environ,
    "AWS_ACCESS_KEY_ID": "bench",
    "AWS_SECRET_ACCESS_KEY": "bench",
    "AWS_REGION": "us-east-1",
    "AWS_DEFAULT_REGION": "us-east-1",
}


class FastS3:
    """Our own versioned S3: a Python server would be what is measured."""

    def __init__(self, bins, *arguments):
        self.process = subprocess.Popen(
            [bins / "fast-s3", *arguments], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        self.url = self.process.stdout.readline().strip()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.stdin.close()
        self.process.wait()

    def counts(self):
        """The requests since the last call, by operation."""
        self.process.stdin.write("\n")
        self.process.stdin.flush()
        return json.loads(self.process.stdout.readline())

    def put(self, bucket, key, body):
        address = f"{self.url}/{bucket}/{urllib.parse.quote(key)}"
        urllib.request.urlopen(urllib.request.Request(address, body, method="PUT")).close()

    def env(self):
        return {**ENV, "AWS_ENDPOINT_URL": self.url, "S3_ENDPOINT_URL": self.url}


class Tools:
    def __init__(self, bins, peers):
        packages = next((peers / "lib").glob("python3*")) / "site-packages"
        self.versions, self.restore, self.purge = (bins / name for name in ["s3-versions", "s3-restore", "cf-purge"])
        # The program itself, without the Python wrapper that the package puts before it.
        self.s5cmd = packages / "s5cmd/bin/s5cmd"
        self.rclone, self.aws = peers / "bin/rclone", peers / "bin/aws"
        self.pit = peers / "bin/s3-pit-restore"


def listings(tools, server):
    remote = [":s3:synthetic", "--s3-provider", "Other", "--s3-endpoint", server.url, "--s3-env-auth", "--config", ""]
    return {
        "s3-versions": [tools.versions, "s3://synthetic/"],
        "s5cmd ls --all-versions": [tools.s5cmd, "ls", "--all-versions", "s3://synthetic/*"],
        "rclone lsf --s3-versions": [tools.rclone, "lsf", "--recursive", "--s3-versions", *remote],
        "aws s3api list-object-versions": [tools.aws, "s3api", "list-object-versions", "--bucket", "synthetic"],
    }
