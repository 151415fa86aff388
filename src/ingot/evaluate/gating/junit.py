"""A verdict as JUnit XML, which every CI shows: a test case for each requirement.

The shape is the one that Jenkins, GitLab and GitHub's actions read (the schema of the Jenkins xUnit plug-in): what
failed is a `failure`, what is unsure or was not asked is `skipped`, each with the reason as its message.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any
from xml.etree import ElementTree as Xml

from ingot.evaluate.gating.claim import FAIL, PASS

# What XML 1.0 may not hold, not even as a reference (section 2.2).
_NO_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def as_junit(told: Mapping[str, Any], finished: str = "") -> str:
    """Return the facts of a gate as a file for CI; `finished` is an ISO 8601 time."""
    requirements: Sequence[Mapping[str, Any]] = told["requirements"]
    not_asked: Sequence[Mapping[str, Any]] = told["not_asked"]
    failures = sum(each["verdict"] == FAIL for each in requirements)
    skipped = sum(each["verdict"] not in (FAIL, PASS) for each in requirements) + len(not_asked)
    count = {"tests": len(requirements) + len(not_asked), "failures": failures, "errors": 0, "skipped": skipped}
    counts = {name: str(value) for name, value in count.items()}
    root = Xml.Element("testsuites", {"name": "ingot gate", **counts, "time": "0"})
    named = {"name": _clean(f"gate of {told['model']}"), **counts, "time": "0"}
    suite = Xml.SubElement(root, "testsuite", {**named, **({"timestamp": finished} if finished else {})})
    properties = Xml.SubElement(suite, "properties")
    for name in ("model", "against", "verdict"):
        Xml.SubElement(properties, "property", {"name": name, "value": _clean(str(told[name] or "none"))})
    for each in requirements:
        case = _case(suite, each)
        if each["verdict"] == FAIL:
            Xml.SubElement(case, "failure", {"message": _clean(each["reason"]), "type": "gate"}).text = _text(each)
        elif each["verdict"] != PASS:
            message = _clean(f"unsure: {each['reason']}")
            Xml.SubElement(case, "skipped", {"message": message}).text = _text(each)
    for each in not_asked:
        Xml.SubElement(_case(suite, each), "skipped", {"message": _clean(f"not asked: {each['why']}")})
    Xml.indent(root)
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{Xml.tostring(root, encoding="unicode")}\n'


def _case(suite: Xml.Element, each: Mapping[str, Any]) -> Xml.Element:
    named = {"name": _clean(each["demands"]), "classname": _clean(f"gate.{each['kind']}"), "time": "0"}
    return Xml.SubElement(suite, "testcase", named)


def _text(each: Mapping[str, Any]) -> str:
    lines = [each["reason"], *([f"do now: {each['fix']}"] if each.get("fix") else [])]
    return _clean("\n".join(lines))


def _clean(text: str) -> str:
    return _NO_XML.sub("\N{REPLACEMENT CHARACTER}", text)
