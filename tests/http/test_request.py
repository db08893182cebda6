import pytest
from hypothesis import given
from hypothesis import strategies as st

from defi_analytics.http.host_state import Host
from defi_analytics.http.request import built, carries_key, host_of, place_of


def get(url, params=None, headers=None):
    return built("GET", url, params, headers or {}, b"")


@pytest.mark.parametrize(
    ("params", "query"),
    [(None, b"a=1"), ({}, b"a=1"), ({"b": "x y"}, b"b=x+y"), ([("b", "1"), ("b", "2")], b"b=1&b=2")],
)
def test_parameters_are_encoded_and_may_repeat(params, query):
    assert get("https://h.example/p?a=1", params).url.query == query


def test_only_gzip_is_asked_for_and_callers_headers_win():
    request = get("https://h.example/", headers={"X-Api-Key": "käse", "Accept": "text/plain"})
    assert request.headers["accept-encoding"] == "gzip"
    assert request.headers["accept"] == "text/plain"
    assert (b"x-api-key", "käse".encode()) in request.headers.raw


@pytest.mark.parametrize(
    ("headers", "carries"),
    [
        ({"X-API-Key": "k"}, True),
        ({"Authorization": "Bearer t"}, True),
        ({"accept": "text/plain"}, False),
        ({}, False),
    ],
)
def test_a_request_carries_a_key_in_one_of_two_headers(headers, carries):
    assert carries_key(get("https://h.example/?x-api-key=k", headers=headers)) is carries


@pytest.mark.parametrize(
    "url",
    [
        "http://example.com/",
        "http://10.0.0.1/",
        "http://127.0.0.1.evil.example/",
        "http://localhost.evil.example/",
        "http://[::2]/",
        "ftp://h.example/",
        "file:///etc/passwd",
        "//h.example/",
        "/path",
        "",
        "https://",
        "https://user@h.example/",
        "https://user:secret@h.example/",
        "https://:secret@h.example/",
        f"https://{'a' * 64}.example/",
        f"https://{'a.' * 130}example/",
        "https://a..b/",
        "https://h.example:99999/",
        "https://h.example:-1/",
        "https://h.example/\x00secret",
        "https://h.example/\ud800secret",
        "https://h exa/",
        "https://%41/",
        "https://[::1/",
    ],
)
def test_urls_we_would_not_call_are_refused_without_repeating_them(url):
    with pytest.raises(ValueError, match=r"^(?!.*secret)") as caught:
        get(url)
    assert type(caught.value) is ValueError


@pytest.mark.parametrize("host", ["127.0.0.1", "127.9.9.9", "localhost", "[::1]"])
def test_plain_http_is_for_this_machine(host):
    assert get(f"http://{host}:8080/").url.scheme == "http"


@pytest.mark.parametrize(
    "header",
    [
        {"x-key": "secret\r\nHost: evil"},
        {"x-key": "secret\n"},
        {"x-key": "secret\x00"},
        {"x-key": "secret\ud800"},
        {"x-key": "a" * 8193},
        {"x key": "1"},
        {"x:\r\n": "1"},
        {"": "1"},
        {"käse": "1"},
    ],
)
def test_headers_that_could_smuggle_are_refused_without_repeating_them(header):
    with pytest.raises(ValueError, match=r"^a header") as caught:
        get("https://h.example/", headers=header)
    assert "secret" not in str(caught.value)
    assert type(caught.value) is ValueError


@given(st.text(max_size=80), st.text(max_size=80))
def test_whatever_the_url_either_a_request_or_a_valueerror_comes_out(host, path):
    try:
        place = place_of(get(f"https://{host}/{path}"))
    except ValueError:
        return
    assert place.isascii()
    assert place.isprintable()


def test_a_place_tells_host_and_path_and_no_query():
    request = get("https://h.example:8443/a b/\x9b?api_key=secret#secret")
    assert place_of(request) == "h.example:8443/a%20b/%C2%9B"
    assert host_of(request) == Host("h.example", 8443)
    assert host_of(get("https://H.example/")) == Host("h.example", 443)
    assert len(place_of(get("https://h.example/" + "a" * 500))) == 120
