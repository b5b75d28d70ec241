#!/usr/bin/env python3
"""Holds a REST-XML request against the service model that botocore carries.

    service_model.py --until-eof s3control CreateJob < request.xml

Prints a line for each member that the model does not know or that is missing, and each value that it does not allow;
nothing for a request that it allows. Members of the header and the path are not in the XML and so not asked for.
"""

import argparse
import re
import sys
import xml.etree.ElementTree as ElementTree

import botocore.session


def check(shape, element, path):
    """Yields what is wrong with an element of this shape."""
    kind = shape.type_name
    if kind == "structure":
        yield from structure(shape, element, path)
    elif kind == "list":
        name = "member" if not shape.member.serialization.get("name") else shape.member.serialization["name"]
        for number, child in enumerate(element):
            if local(child) != name:
                yield f"{path}: {local(child)} is no {name}"
            yield from check(shape.member, child, f"{path}[{number}]")
    else:
        yield from value(shape, element.text or "", path)


def structure(shape, element, path):
    members = {member.serialization.get("name", name): (name, member) for name, member in shape.members.items()}
    children = [local(child) for child in element]
    for name in shape.required_members:
        member = shape.members[name]
        if "location" not in member.serialization and member.serialization.get("name", name) not in children:
            yield f"{path}: {name} is missing"
    for child in element:
        known = members.get(local(child))
        if known is None:
            yield f"{path}: {local(child)} is unknown"
        else:
            yield from check(known[1], child, f"{path}.{known[0]}")


def value(shape, text, path):
    kind, limits = shape.type_name, shape.metadata
    if kind == "boolean" and text not in ("true", "false"):
        yield f"{path}: {text!r} is no boolean"
    if kind in ("integer", "long"):
        if not re.fullmatch(r"-?\d+", text):
            yield f"{path}: {text!r} is no number"
        elif not limits.get("min", int(text)) <= int(text) <= limits.get("max", int(text)):
            yield f"{path}: {text} is out of bounds"
    if kind == "string":
        allowed = getattr(shape, "enum", None)
        if allowed and text not in allowed:
            yield f"{path}: {text!r} is none of {allowed}"
        if not limits.get("min", 0) <= len(text) <= limits.get("max", len(text)):
            yield f"{path}: {len(text)} characters are too few or too many"
        # botocore keeps no patterns, so those of ARNs are held against what they begin with.
        if path.endswith(("Arn", "Resource", "Report.Bucket")) and not re.match(r"arn:[^:]+:(s3|iam):", text):
            yield f"{path}: {text!r} is no ARN"


def local(element):
    return element.tag.rsplit("}", 1)[-1]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--until-eof", action="store_true", help="read the request from stdin, as it always is")
    parser.add_argument("service")
    parser.add_argument("operation")
    args = parser.parse_args()
    model = botocore.session.get_session().get_service_model(args.service).operation_model(args.operation)
    root = ElementTree.fromstring(sys.stdin.buffer.read())
    wrapper = model.input_shape.serialization.get("name", args.operation + "Request")
    if local(root) != wrapper:
        print(f"the root is {local(root)}, not {wrapper}")
    for line in check(model.input_shape, root, args.operation):
        print(line)


if __name__ == "__main__":
    main()
