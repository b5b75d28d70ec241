"""Serves moto on a free port of this machine and prints its address: the sandbox and the tests run it so.

With --until-eof it ends with its standard input, and so with whoever started it.
"""

import logging
import os
import sys
import threading

import moto_dynamodb  # noqa: F401: it is there for what it adds to moto
from moto.s3 import models
from moto.server import ThreadedMotoServer


class Forgetful(list):
    """moto remembers every key that it ever made, and makes all of a bucket's anew for each listing of versions.

    A listing of a thousand versions costs some 10 MB that way, which are never given back.
    """

    def append(self, _):
        pass


class Listed(models.FakeKey):
    """What a listing gets instead: it shares the content, and must not close it when it goes."""

    # moto tells the service of a class by its module.
    __module__ = models.__name__

    def __init__(self, key):
        self.__dict__.update(key.__dict__)

    def __del__(self):
        pass


list_object_versions = models.S3Backend.list_object_versions


def list_behind(self, bucket_name, key_marker=None, version_id_marker=None, **rest):
    """A key marker without a version id, as S3 takes it: behind all versions of that key, whether it is there or not.

    moto takes it for a key that is there and passes over the first version that it finds from there on.
    """
    if key_marker and not version_id_marker:
        keys = self.get_bucket(bucket_name).keys
        key_marker = max((name for name in keys if name <= key_marker), default=None)
        if key_marker is not None:
            newest_first = sorted(keys.getlist(key_marker), key=lambda version: version.last_modified, reverse=True)
            version_id_marker = newest_first[-1].version_id
    return list_object_versions(
        self, bucket_name, key_marker=key_marker, version_id_marker=version_id_marker, **rest
    )


models.S3Backend.list_object_versions = list_behind
models.FakeKey.__deepcopy__ = lambda key, _: Listed(key)
for model in [models.FakeKey, models.FakeDeleteMarker, Listed]:
    model.instances_tracked = Forgetful()

logging.getLogger("werkzeug").setLevel(logging.ERROR)
server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
server.start()
host, port = server.get_host_and_port()
print(f"http://{host}:{port}", flush=True)
if sys.argv[1:] == ["--until-eof"]:
    sys.stdin.read()
    # Taking moto apart can take minutes, and nothing of it is needed.
    os._exit(0)
threading.Event().wait()
