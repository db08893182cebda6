from tests.lock import marked


def test_only_what_the_base_does_not_pin_is_marked():
    full = "a==1 \\\n    --hash=sha256:aa\nweb3==7.0 \\\n    --hash=sha256:bb\nB-c==2\n"
    assert marked(full, "a==1 \\\nb-c==2\n") == (
        'a==1 \\\n    --hash=sha256:aa\nweb3==7.0 ; python_version < "3.13" \\\n    --hash=sha256:bb\nB-c==2\n'
    )
