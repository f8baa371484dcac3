"""
Patterns of host names and paths.
"""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis.strategies import lists, sampled_from

from twisted_cluster.policies.patterns import Pattern, parsePatterns

HOSTS = ["*", "*.b", "*.a.b", "*.x.a.b", "b", "a.b", "x.a.b", "y.a.b", "xa.b"]
PATHS = ["*", "/*", "/", "/a", "/a*", "/a/*", "/a/b", "/a/b/*", "/ab"]


@given(
    sampled_from([("host", HOSTS), ("path", PATHS)]).flatmap(
        lambda of: lists(sampled_from(of[1]), min_size=1, unique=True).map(
            lambda texts: (of[0], texts)
        )
    )
)
def test_aPatternIsRefusedIfAndOnlyIfItIsOfNoUse(given: tuple[str, list[str]]) -> None:
    """
    Each has something that it is the first to match, or an earlier one matches all that
    it does.
    """
    by, texts = given
    # "*" is what OPTIONS asks for, and no other pattern's.
    witnesses = {t: t if t == "*" else t.replace("*", "q1") for t in texts}
    try:
        patterns = parsePatterns(by, {text: text for text in texts})
    except ValueError as error:
        text = str(error).partition(" matches nothing, because ")[0]
        earlier = str(error).partition("because ")[2].partition(" comes before")[0]
        assert texts.index(earlier) < texts.index(text)
        assert Pattern(earlier, "").matches(witnesses[text])
    else:
        for text, witness in witnesses.items():
            assert next(p.text for p in patterns if p.matches(witness)) == text


@pytest.mark.parametrize(
    ("text", "matching", "others"),
    [
        ("a.b", ["a.b"], ["x.a.b", "b", "a.b.c", "a-b"]),
        ("*.a.b", ["x.a.b", "y.x.a.b"], ["a.b", "xa.b", "x.a.b.c"]),
        ("*", ["a.b", "[::1]", "/", "/a"], []),
        ("/a", ["/a"], ["/", "/a/", "/a/b", "/ab"]),
        ("/a/*", ["/a/", "/a/b", "/a/b/c"], ["/a", "/ab", "/A/b"]),
        ("/a*", ["/a", "/a/b", "/ab"], ["/", "/b"]),
        ("/*", ["/", "/a"], ["*"]),
    ],
)
def test_whatMatches(text: str, matching: list[str], others: list[str]) -> None:
    """
    A star at the beginning of a name is any labels; at the end of a path, any rest.
    """
    assert [v for v in matching + others if Pattern(text, "a").matches(v)] == matching


@pytest.mark.parametrize(
    ("by", "text", "read"),
    [
        ("host", "API.Example.COM", "api.example.com"),
        ("sni", "*.Example.com.", "*.example.com"),
        ("host", "localhost", "localhost"),
        ("host", "192.0.2.1", "192.0.2.1"),
        ("host", "[2001:DB8::1]", "[2001:db8::1]"),
        ("host", "xn--mnchen-3ya.de", "xn--mnchen-3ya.de"),
        ("sni", "_x.a-b.c1", "_x.a-b.c1"),
        ("path", "/.well-known/*", "/.well-known/*"),
        ("path", "/Grüße an/alle", "/Grüße an/alle"),
        ("path", "/100%", "/100%"),
        ("path", "/a..", "/a.."),
    ],
)
def test_howPatternsAreRead(by: str, text: str, read: str) -> None:
    """
    Names without regard to case, as they are compared; paths as they are.
    """
    assert parsePatterns(by, {text: "g"}) == [Pattern(read, "g")]


@pytest.mark.parametrize(
    ("by", "text"),
    [
        *[("host", text) for text in ("a/b", "a b", "a:80", "*a.b", "a.*", "*.", "**")],
        *[
            ("host", text)
            for text in ("münchen.de", "a..b", "-a.b", ".a", "[::x]", "*.*")
        ],
        *[("host", text) for text in ("http://a", "x" * 64, "a@b", "[::1", "*.[::1]")],
        *[("sni", text) for text in ("192.0.2.1", "[::1]", "*.1", "a/b")],
        *[("path", text) for text in ("a", "api/*", "/a/*/b", "/a?b=c", "/a#b", "*/a")],
        *[
            ("path", text)
            for text in ("/a//b", "/a/../b", "/a/.", "/./a", "/a%20b", "/\\")
        ],
        *[("path", text) for text in ("/a\tb", "**", "/**", "http://a/")],
    ],
)
def test_whatCanMatchNothingIsRefused(by: str, text: str) -> None:
    """
    No request would ever have it, as it is compared: decoded, and in its usual form.
    """
    with pytest.raises(ValueError, match=f"matches no {by}; give such as") as info:
        parsePatterns(by, {text: "g"})
    assert str(info.value).startswith(text)
