"""JUnit XML in the shape that CI reads, with what a name from outside could break."""

from __future__ import annotations

from typing import Any
from xml.etree import ElementTree as Xml

from ingot.evaluate.gating.junit import as_junit

# What the schema of the Jenkins xUnit plug-in (junit-10.xsd) lets stand where.
ATTRIBUTES = {
    "testsuites": {"name", "time", "tests", "failures", "disabled", "errors", "skipped"},
    "testsuite": {
        *("name", "tests", "failures", "errors", "group", "time", "skipped", "timestamp", "hostname", "id", "package"),
        *("file", "log", "url", "version"),
    },
    "testcase": {"name", "classname", "time", "assertions", "status", "class", "file", "line", "log", "group", "url"},
    "properties": set(),
    "property": {"name", "value"},
    "failure": {"type", "message"},
    "skipped": {"type", "message"},
}
CHILDREN = {
    "testsuites": {"testsuite"},
    "testsuite": {"testcase", "properties", "system-out", "system-err", "testsuite"},
    "testcase": {"skipped", "error", "failure", "properties", "system-out", "system-err"},
    "properties": {"property"},
}


def told(*verdicts: str, **changes: Any) -> dict[str, Any]:
    requirements = [
        {"kind": "quality", "demands": f"exam {number}", "verdict": verdict, "reason": "4 points less", "fix": "ask"}
        for number, verdict in enumerate(verdicts)
    ]
    not_asked = [{"kind": "safety", "demands": "refusals", "why": "nobody asked", "fix": ""}]
    facts = {"model": "acme@2", "against": None, "verdict": "fail", "not_asked": not_asked, "errors": "at most 5"}
    return {**facts, "requirements": requirements, **changes}


def check(element: Xml.Element) -> None:
    assert set(element.attrib) <= ATTRIBUTES[element.tag], element.tag
    for child in element:
        assert child.tag in CHILDREN[element.tag], f"{child.tag} in {element.tag}"
        check(child)


def test_every_requirement_is_a_case() -> None:
    root = Xml.fromstring(as_junit(told("pass", "fail", "unsure"), "2026-01-01T00:00:00Z"))
    check(root)
    (suite,) = root
    cases = suite.findall("testcase")
    assert {name: suite.get(name) for name in ("tests", "failures", "errors", "skipped")} == {
        "tests": "4",
        "failures": "1",
        "errors": "0",
        "skipped": "2",
    }
    assert [[child.tag for child in case] for case in cases] == [[], ["failure"], ["skipped"], ["skipped"]]
    failure, unsure, unasked = (case[0].get("message") for case in cases[1:])
    assert failure == "4 points less"
    assert unsure == "unsure: 4 points less"
    assert unasked == "not asked: nobody asked"
    assert (cases[0].get("classname"), cases[0].get("name")) == ("gate.quality", "exam 0")


def test_what_xml_cannot_hold_is_replaced() -> None:
    hostile = '\x00\x1b[31m</testcase><evil a="1">&\ud800\n'
    text = as_junit(told("fail", model=hostile)).replace("4 points less", "")
    assert "<evil" not in text
    text.encode("utf-8")
    (suite,) = Xml.fromstring(text)
    assert "<evil" in str(suite.get("name"))
