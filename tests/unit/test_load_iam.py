"""The section iam of a fastgw.yaml, what the plan makes of it, and that nothing shows a secret."""

import re
from pathlib import Path

import pytest

from fastgw.model.iam import AccessKey, unique_id
from fastgw.parts.auth.sealed import issue, new_key, read_key, seal, unseal
from fastgw.plan.signatures import signatures
from fastgw.settings import Settings
from tests.support.load_files import Files, definition, messages, proxy
from tests.support.signed import Message, sign

SECRET = "planted-secret-of-alice"
KEY = new_key()
NOW = 1_790_000_000
INVOKE = '{Version: "2012-10-17", Statement: [{Effect: Allow, Action: execute-api:Invoke, Resource: "*"}]}'


@pytest.fixture
def files(tmp_path: Path) -> Files:
    found = Files(tmp_path)
    found.write("api.json", definition({"/a": {"get": {"x-amazon-apigateway-integration": proxy()}}}))
    found.write("alice.txt", SECRET + "\n")
    return found


def iam(files: Files, text: str):
    return files.load(f"fastgw: 1\napis: {{a: {{definition: api.json}}}}\niam:\n{text}\n", "fastgw.yaml")


def settings(key: str = "") -> Settings:
    return Settings(iam_key=key)


def test_users_groups_and_roles(files: Files) -> None:
    loaded = iam(files, f"""\
  users:
    alice: {{keys: {{AKIAALICE: {{secret_file: alice.txt}}}}, groups: [all], policies: {{own: {INVOKE}}}}}
    bob: {{keys: {{AKIABOB: {{secret_file: alice.txt, enabled: false}}}}}}
  groups:
    all: {{policies: {{one: {INVOKE}, two: {INVOKE}}}}}
  roles:
    batch: {{session: 900}}""")
    assert loaded.problems == ()
    found = loaded.gateway.iam
    alice, bob = found.users
    assert (alice.name, [key.id for key in alice.keys], len(alice.policies)) == ("alice", ["AKIAALICE"], 3)
    assert (bob.keys, bob.policies) == ((), ())
    assert [(role.name, role.session_seconds) for role in found.roles] == [("batch", 900)]
    assert SECRET not in repr(loaded.gateway)


def test_no_section_is_nobody(files: Files) -> None:
    loaded = files.load("fastgw: 1\napis: {a: {definition: api.json}}\n", "fastgw.yaml")
    assert loaded.gateway.iam is None


@pytest.mark.parametrize(("text", "told"), [
    (f"{{users: {{alice: {{keys: {{AKIAALICE: {{secret: {SECRET}}}}}}}}}}}", "plain-secret"),
    ("{users: {alice: {keys: {AKIAALICE: {}}}}}", "missing-field"),
    (f"{{users: {{alice: {{keys: {{AKIAALICE: {{secret: 'sealed:v1:x', secret_file: {SECRET}}}}}}}}}}}",
     "missing-field"),
    ("{users: {alice: {keys: {AKIAALICE: {secret_file: nowhere.txt}}}}}", "unreadable"),
    ("{users: {alice: {keys: {AKIAALICE: {secret_file: api.json}}}}}", "bad-value"),
    ("{users: {alice: {keys: {AKIAALICE: {secret: 5}}}}}", "wrong-type"),
    ("{users: {alice: {keys: {'A b': {secret_file: alice.txt}}}}}", "bad-name"),
    ("{users: {alice: {groups: [alle]}}, groups: {all: {}}}", "unknown-value"),
    ("{users: {alice: {keys: {AKIA: {secret_file: alice.txt}}}, bob: {keys: {AKIA: {secret_file: alice.txt}}}}}",
     "conflict"),
    ("{roles: {batch: {session: 60}}}", "out-of-range"),
    ("{roles: {'a/b': {}}}", "bad-name"),
    ("{roles: {batch: {policies: {one: {Version: '2012-10-17'}}}}}", ""),
    ("{roles: {batch: {policies: {one: {Version: '2012-10-17', Statement: [{Effect: Allow, Action: 'execute-api:Invok',"
     " Resource: '*', Condition: {StringEquals: {'aws:Nothing': x}}}]}}}}}", ""),
    ("{user: {}}", "unknown-field"),
])  # fmt: skip
def test_what_is_wrong_is_told_with_its_place_and_without_a_secret(files: Files, text: str, told: str) -> None:
    loaded = iam(files, f"  {text}")
    errors = [problem for problem in loaded.problems if problem.severity == "error"]
    assert loaded.gateway is None
    assert errors
    assert not told or told in {problem.code for problem in errors}, messages(loaded)
    assert all(problem.place.line >= 4 for problem in errors)
    assert SECRET not in " ".join(map(str, errors))


def test_a_plain_secret_is_told_what_to_do(files: Files) -> None:
    loaded = iam(files, f"  users: {{alice: {{keys: {{AKIAALICE: {{secret: {SECRET}}}}}}}}}")
    assert messages(loaded) == [
        "error: the secret of access key AKIAALICE stands here in clear; put it into a file of its own and write "
        "secret_file: FILE, or write what fastgw iam encrypt AKIAALICE makes of it"]


# --- secrets at rest

def test_sealed_secrets() -> None:
    key = read_key(KEY)
    sealed = seal(key, "AKIAALICE", SECRET)
    assert SECRET not in sealed
    assert seal(key, "AKIAALICE", SECRET) != sealed
    assert unseal(key, "AKIAALICE", sealed) == SECRET
    for other_key, name, text in ((read_key(new_key()), "AKIAALICE", sealed), (key, "AKIABOB", sealed),
                                  (key, "AKIAALICE", sealed[:-4]), (key, "AKIAALICE", "sealed:v1:"),
                                  (key, "AKIAALICE", "sealed:v1:!!"), (key, "AKIAALICE", sealed[:-2] + "ü=")):
        with pytest.raises(ValueError, match="not encrypted for this access key") as caught:
            unseal(other_key, name, text)
        assert SECRET not in str(caught.value)


@pytest.mark.parametrize("text", ["", "x", "ab" * 31, "ab" * 33, "zz" * 32])
def test_keys_are_32_bytes(text: str) -> None:
    with pytest.raises(ValueError, match="64 hexadecimal digits") as caught:
        read_key(text)
    assert len(text) < 2 or text not in str(caught.value)


def sealed_gateway(files: Files, sealed: str):
    loaded = iam(files, f"  users: {{alice: {{keys: {{AKIAALICE: {{secret: '{sealed}'}}}}}}}}")
    assert loaded.problems == ()
    return loaded.gateway


def test_a_sealed_secret_is_opened_with_its_key_alone(files: Files) -> None:
    gateway = sealed_gateway(files, seal(read_key(KEY), "AKIAALICE", SECRET))
    message = sign(Message(b"GET", b"/a", b"", ((b"Host", b"h"),)), "AKIAALICE", SECRET, NOW)
    assert message.verify(signatures(gateway, settings(KEY)), NOW).result == "signed"
    place = re.escape(str(gateway.iam.users[0].keys[0].secret.place))
    with pytest.raises(ValueError, match=f"{place}: error: the secret of access key AKIAALICE is encrypted: set "
                                         "FASTGW_IAM_KEY_FILE"):
        signatures(gateway, settings())
    with pytest.raises(ValueError, match=f"{place}: error: the secret of access key AKIAALICE cannot be opened"):
        signatures(gateway, settings(new_key()))
    with pytest.raises(ValueError, match="iam_key: error: a key is 64 hexadecimal digits"):
        signatures(gateway, settings("no key"))


def test_nothing_shows_a_secret() -> None:
    from fastgw.model.iam import Secret
    from fastgw.model.place import Place

    key = AccessKey("AKIAALICE", Secret(SECRET, Place("f", 1, 1)), "planted-token")
    session = issue(read_key(KEY), "batch", "alice", NOW, NOW + 900)
    shown = repr(key) + repr(session)
    assert not any(secret in shown for secret in (SECRET, "planted-token", session.secret, session.token))


# --- sessions

def test_a_session_is_what_the_engine_takes(files: Files) -> None:
    gateway = iam(files, "  roles: {other: {}, batch: {session: 900}}").gateway
    known = signatures(gateway, settings(KEY))
    made = issue(read_key(KEY), "batch", "alice", NOW, NOW + 900)
    assert made.access_key.startswith("ASIA")
    message = Message(b"GET", b"/a", b"", ((b"Host", b"h"), (b"X-Amz-Security-Token", made.token.encode())))
    message = sign(message, made.access_key, made.secret, NOW)
    found = message.verify(known, NOW)
    assert (found.result, found.row, found.role) == ("signed", 1, True)
    assert message.verify(signatures(gateway, settings(new_key())), NOW).result == "stranger"
    assert message.verify(signatures(gateway, settings()), NOW).result == "stranger"
    without = iam(files, "  roles: {other: {}}").gateway
    assert message.verify(signatures(without, settings(KEY)), NOW).result == "stranger"


def test_ids_are_names_own() -> None:
    ids = {unique_id(kind, account, name) for kind in ("AIDA", "AROA") for account in ("1" * 12, "2" * 12)
           for name in ("alice", "bob")}
    assert len(ids) == 8
    assert all(re.fullmatch("(AIDA|AROA)[A-Z2-7]{17}", one) for one in ids)
