"""The formats of strings that are enforced, as expressions that match only texts of the format.

Each is narrower than its specification where that keeps it regular: years of four digits, days up to 28 for every
month, plain host names, expressions of plain words. Any other format is an annotation. Source: RFC 3339 (dates, and
durations in appendix A), RFC 4122 (uuid), RFC 5321 (email), RFC 1123 (hostname), RFC 3986 (uri), RFC 6901 (pointers).
"""

from __future__ import annotations

_DATE = r"[12]\d{3}-(0[1-9]|1[0-2])-(0[1-9]|1\d|2[0-8])"
_TIME = r"([01]\d|2[0-3]):[0-5]\d:[0-5]\d(\.\d{1,6})?(Z|[+-]([01]\d|2[0-3]):[0-5]\d)"
_BYTE = r"(25[0-5]|2[0-4]\d|1\d\d|[1-9]?\d)"
_LABEL = r"[a-z0-9]{1,20}(-[a-z0-9]{1,20}){0,2}"
_POINTER = r"(/[A-Za-z0-9_-]{0,40}){0,8}"
_HOST = rf"{_LABEL}(\.{_LABEL}){{1,3}}"

FORMATS = {
    "date": _DATE,
    "time": _TIME,
    "date-time": rf"{_DATE}T{_TIME}",
    "uuid": r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}",
    "email": rf"[A-Za-z0-9_+-]{{1,20}}(\.[A-Za-z0-9_+-]{{1,20}}){{0,2}}@{_HOST}",
    "hostname": _HOST,
    "ipv4": rf"{_BYTE}(\.{_BYTE}){{3}}",
    "ipv6": r"([0-9a-f]{1,4}:){7}[0-9a-f]{1,4}",
    "duration": r"P([1-9]\d{0,2}W|[1-9]\d{0,2}D|([1-9]\d{0,2}D)?T[1-9]\d{0,2}[HMS])",
    "regex": r"\^?[A-Za-z0-9_ -]{1,40}(\.\*[A-Za-z0-9_ -]{1,40}){0,3}\$?",
    "json-pointer": _POINTER,
    "relative-json-pointer": rf"(0|[1-9]\d?)(#|{_POINTER})",
    "uri": rf"(https?|ftp)://{_HOST}(:[1-9]\d{{1,3}})?(/[A-Za-z0-9._~-]{{0,40}}){{0,8}}(\?[A-Za-z0-9=&._~-]{{0,80}})?",
}
FORMATS["uri-reference"] = FORMATS["iri"] = FORMATS["url"] = FORMATS["uri"]
FORMATS["iri-reference"] = FORMATS["uri-template"] = FORMATS["uri"]
FORMATS["idn-email"], FORMATS["idn-hostname"] = FORMATS["email"], FORMATS["hostname"]
