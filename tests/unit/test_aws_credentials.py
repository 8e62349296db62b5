"""Where the gateway finds its credentials, and how it keeps them."""

import asyncio
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from fastgw.model.service import OWN, Identity
from fastgw.parts.aws.credentials import Chain, Credentials, NoCredentials, Role
from fastgw.parts.aws.identities import Identities
from fastgw.parts.aws.machine import container, instance
from fastgw.parts.aws.provider import AGAIN, EARLY, USABLE, Provider
from fastgw.parts.aws.sts import SecurityTokens
from tests.support.giver import Giver, assumed

ROLE = "arn:aws:iam::123456789012:role/notes"


@pytest.fixture
def giver() -> Iterator[Giver]:
    with Giver() as found:
        yield found


class Files:
    """The shared files, and an environment that knows nothing else."""

    def __init__(self, folder: Path, giver: Giver) -> None:
        self._folder = folder
        self._giver = giver
        self.environ = {"HOME": str(folder), "AWS_EC2_METADATA_SERVICE_ENDPOINT": giver.url}

    def write(self, name: str, text: str) -> str:
        path = self._folder / ".aws" / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
        return str(path)

    def find(self, profile: str = "", **environ: str) -> Credentials:
        tokens = SecurityTokens(self._giver.url, "eu-west-1")
        return Chain(self.environ | environ, tokens.assume, (container, instance), profile).find()

    def refused(self, profile: str = "", **environ: str) -> str:
        with pytest.raises(NoCredentials) as error:
            self.find(profile, **environ)
        return str(error.value)


@pytest.fixture
def files(tmp_path: Path, giver: Giver) -> Files:
    return Files(tmp_path, giver)


def test_the_environment_goes_first(files: Files, giver: Giver) -> None:
    giver.instance(giver.give("INSTANCE"))
    files.write("credentials", "[default]\naws_access_key_id=A\naws_secret_access_key=B\n")
    found = files.find(AWS_ACCESS_KEY_ID="AKIDENV", AWS_SECRET_ACCESS_KEY="s", AWS_SESSION_TOKEN="t")
    assert found == Credentials("AKIDENV", "s", "t")
    assert giver.seen == []


@pytest.mark.parametrize("given", [{"AWS_ACCESS_KEY_ID": "A"}, {"AWS_SECRET_ACCESS_KEY": "hidden"}])
def test_half_an_environment_is_no_reason_to_be_somebody_else(files: Files, giver: Giver, given: dict) -> None:
    giver.instance(giver.give("INSTANCE"))
    told = files.refused(**given)
    assert "without" in told and "hidden" not in told


def test_the_shared_files(files: Files) -> None:
    files.write("config", "[default]\nregion = eu-west-1\n[profile shop]\naws_access_key_id = OLD\n")
    files.write("credentials", "[default]\naws_access_key_id=A\naws_secret_access_key=B\n[shop]\n"
                "aws_access_key_id=C\naws_secret_access_key=D\naws_session_token=E\n")
    assert files.find() == Credentials("A", "B")
    assert files.find(AWS_PROFILE="shop") == files.find("shop") == Credentials("C", "D", "E")
    assert "no profile 'shops'" in files.refused("shops")


def test_a_profile_goes_before_the_environment(files: Files) -> None:
    files.write("credentials", "[shop]\naws_access_key_id=C\naws_secret_access_key=D\n")
    assert files.find("shop", AWS_ACCESS_KEY_ID="A", AWS_SECRET_ACCESS_KEY="B") == Credentials("C", "D")


def test_a_broken_file_is_told_without_its_content(files: Files) -> None:
    files.write("credentials", "aws_secret_access_key = hidden\n")
    told = files.refused()
    assert "hidden" not in told and "credentials: line 1" in told


def test_a_profile_that_assumes_a_role(files: Files, giver: Giver) -> None:
    giver.sts((200, assumed("SHOP")))
    files.write("config", f"[profile shop]\nrole_arn={ROLE}\nsource_profile=base\nexternal_id=x\nduration_seconds=900\n"
                "[profile base]\naws_access_key_id=A\naws_secret_access_key=B\n")
    found = files.find("shop")
    assert (found.access_key, found.secret_key, found.session_token) == ("ASIASHOP", "secret-SHOP", "token-SHOP")
    (method, _, headers, form), = giver.seen
    assert method == "POST"
    assert form == {"Action": "AssumeRole", "Version": "2011-06-15", "RoleArn": ROLE, "RoleSessionName": "fastgw",
                    "ExternalId": "x", "DurationSeconds": "900"}
    assert "Credential=A/" in headers["authorization"] and "/eu-west-1/sts/aws4_request" in headers["authorization"]


def test_a_role_by_the_instances_credentials(files: Files, giver: Giver) -> None:
    giver.instance(giver.give("INSTANCE"))
    giver.sts((200, assumed("SHOP")))
    files.write("config", f"[profile shop]\nrole_arn={ROLE}\ncredential_source=Ec2InstanceMetadata\n")
    assert files.find("shop").access_key == "ASIASHOP"
    assert "Credential=AKIAINSTANCE/" in giver.seen[-1][2]["authorization"]
    assert giver.seen[-1][2]["x-amz-security-token"] == "token-INSTANCE"


@pytest.mark.parametrize(("lines", "told"), [
    ("role_arn=r\nsource_profile=b\n[profile b]\nrole_arn=r\nsource_profile=a\n", "leads in a circle"),
    ("role_arn=r\n", "role_arn needs source_profile"),
    ("role_arn=r\nsource_profile=none\n", "no profile 'none'"),
    ("role_arn=r\nsource_profile=a\n", "its source has no credentials"),
    ("role_arn=r\ncredential_source=Environment\nmfa_serial=m\n", "mfa_serial"),
    ("role_arn=r\nsource_profile=a\nduration_seconds=5\n", "from 900 to 43200"),
    ("credential_process=/bin/true\n", "credential_process is not served"),
    ("sso_session=s\n", "sso_session is not served"),
    ("region=eu-west-1\n", "profile 'a' has no credentials"),
])
def test_profiles_that_lead_nowhere(files: Files, lines: str, told: str) -> None:
    files.write("config", f"[profile a]\n{lines}")
    assert told in files.refused("a")


def test_a_web_identity(files: Files, giver: Giver) -> None:
    giver.sts((200, assumed("WEB", action="AssumeRoleWithWebIdentity")))
    token = files.write("token", "a.web.token\n")
    found = files.find(AWS_WEB_IDENTITY_TOKEN_FILE=token, AWS_ROLE_ARN=ROLE, AWS_ROLE_SESSION_NAME="pod")
    assert found.access_key == "ASIAWEB"
    form, headers = giver.seen[0][3], giver.seen[0][2]
    assert (form["Action"], form["WebIdentityToken"], form["RoleSessionName"]) == (
        "AssumeRoleWithWebIdentity", "a.web.token", "pod")
    assert "authorization" not in headers


@pytest.mark.parametrize("reply", [
    (403, "<ErrorResponse><Error><Code>AccessDenied</Code><Message>hidden</Message></Error></ErrorResponse>"),
    (403, "hidden"), (200, "hidden"), (200, "<a><AccessKeyId>hidden</AccessKeyId></a>"),
    (200, '<!DOCTYPE a [<!ENTITY e "hidden">]><a>&e;</a>'),
])
def test_a_role_that_is_refused(files: Files, giver: Giver, reply: tuple[int, str]) -> None:
    giver.sts(reply)
    files.write("config", f"[profile a]\nrole_arn={ROLE}\ncredential_source=Environment\n")
    told = files.refused("a", AWS_ACCESS_KEY_ID="A", AWS_SECRET_ACCESS_KEY="hidden")
    assert ROLE in told and "hidden" not in told
    assert ("AccessDenied" in told) == ("Code" in reply[1])


def test_the_container(files: Files, giver: Giver) -> None:
    giver.replies["GET /creds?x=1"] = giver.give("BOX")
    found = files.find(AWS_CONTAINER_CREDENTIALS_FULL_URI=f"{giver.url}/creds?x=1",
                       AWS_CONTAINER_AUTHORIZATION_TOKEN="Basic abc")
    assert (found.access_key, found.session_token) == ("AKIABOX", "token-BOX")
    assert giver.seen[0][2]["authorization"] == "Basic abc"
    token = files.write("token", "from-a-file")
    files.find(AWS_CONTAINER_CREDENTIALS_FULL_URI=f"{giver.url}/creds?x=1",
               AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE=token)
    assert giver.seen[1][2]["authorization"] == "from-a-file"


@pytest.mark.parametrize("url", ["http://evil.example/", "http://10.0.0.1/", "file:///etc/passwd", "http://"])
def test_the_containers_token_goes_to_no_stranger(files: Files, url: str) -> None:
    assert "allowed are https://, this machine" in files.refused(AWS_CONTAINER_CREDENTIALS_FULL_URI=url)


def test_the_instance(files: Files, giver: Giver) -> None:
    giver.instance(giver.give("INSTANCE"))
    assert files.find().access_key == "AKIAINSTANCE"
    put, names, role = giver.seen
    assert put[0] == "PUT" and "x-aws-ec2-metadata-token-ttl-seconds" in put[2]
    assert names[2]["x-aws-ec2-metadata-token"] == role[2]["x-aws-ec2-metadata-token"] == "session"
    giver.seen.clear()
    assert "no credentials in the environment" in files.refused(AWS_EC2_METADATA_DISABLED="true")
    assert giver.seen == []


@pytest.mark.parametrize("reply", [(500, ""), (200, "hidden"), (200, "{}"), (200, '{"AccessKeyId": 5'), (200, "[]")])
def test_an_instance_that_answers_nonsense(files: Files, giver: Giver, reply: tuple[int, str]) -> None:
    giver.instance(reply)
    assert "hidden" not in files.refused()


def test_nobody_has_any(files: Files) -> None:
    assert files.refused(AWS_EC2_METADATA_SERVICE_ENDPOINT="http://127.0.0.1:1") == (
        "no credentials in the environment, in the shared files, from the container or from the instance")


# Provider: kept, found once, found anew before they expire.


class Clock:
    now = 1_000_000.0

    def __call__(self) -> float:
        return self.now


class Finder:
    """Counts searches, and lets them wait."""

    def __init__(self, clock: Clock, lasts: float = 3600) -> None:
        self.clock, self.lasts, self.count, self.error = clock, lasts, 0, ""
        self.may_go = threading.Event()
        self.may_go.set()

    def __call__(self) -> Credentials:
        assert self.may_go.wait(30)
        self.count += 1
        if self.error:
            raise NoCredentials(self.error)
        return Credentials(f"K{self.count}", "s", "t", self.clock() + self.lasts)


async def until(count: int, finder: Finder) -> None:
    while finder.count < count:
        await asyncio.sleep(0.005)
    await asyncio.sleep(0.02)


def test_a_hundred_requests_are_one_search() -> None:
    async def story() -> None:
        clock = Clock()
        finder = Finder(clock)
        finder.may_go.clear()
        provider = Provider("x", finder, clock)
        assert provider.current() is None
        waiting = [asyncio.ensure_future(provider.get()) for _ in range(100)]
        await asyncio.sleep(0.01)
        waiting[0].cancel()
        finder.may_go.set()
        found = await asyncio.gather(*waiting[1:])
        assert {one.access_key for one in found} == {"K1"}
        assert provider.current() is not None and finder.count == 1

    asyncio.run(story())


def test_they_are_found_anew_while_the_old_ones_serve() -> None:
    async def story() -> None:
        clock = Clock()
        finder = Finder(clock)
        provider = Provider("x", finder, clock)
        assert (await provider.get()).access_key == "K1"
        clock.now += 3600 - EARLY - 1
        assert provider.current() is not None
        await asyncio.sleep(0.02)
        assert finder.count == 1
        clock.now += 2
        finder.may_go.clear()
        assert provider.current().access_key == (await provider.get()).access_key == "K1"
        finder.may_go.set()
        await until(2, finder)
        assert provider.current().access_key == "K2"

    asyncio.run(story())


def test_expired_ones_are_never_used() -> None:
    async def story() -> None:
        clock = Clock()
        finder = Finder(clock)
        provider = Provider("x", finder, clock)
        await provider.get()
        finder.error = "away"
        clock.now += 3600 - USABLE + 1
        assert provider.current() is None
        with pytest.raises(NoCredentials, match="away"):
            await provider.get()
        asked = finder.count
        with pytest.raises(NoCredentials, match="away"):
            await provider.get()
        assert finder.count == asked
        clock.now += AGAIN
        finder.error = ""
        assert (await provider.get()).access_key == f"K{finder.count}"

    asyncio.run(story())


def test_a_search_that_fails_for_another_reason_tells_only_its_kind() -> None:
    async def story() -> None:
        def find() -> Credentials:
            raise ValueError("hidden")

        with pytest.raises(NoCredentials, match="ValueError") as error:
            await Provider("x", find).get()
        assert "hidden" not in str(error.value)

    asyncio.run(story())


@pytest.mark.parametrize("broken", ["hidden\n", "hid den", "h\u00efdden"])
def test_what_no_header_carries_is_not_sent(broken: str) -> None:
    async def story() -> None:
        for found in (Credentials(broken, "s"), Credentials("A", broken), Credentials("A", "s", broken)):
            with pytest.raises(NoCredentials, match="characters that are none") as error:
                await Provider("x", lambda found=found: found).get()
            assert broken not in str(error.value)

    asyncio.run(story())


def test_roles_are_assumed_as_the_gateway(giver: Giver) -> None:
    giver.sts((200, assumed("ROLE")))
    identities = Identities({"AWS_ACCESS_KEY_ID": "A", "AWS_SECRET_ACCESS_KEY": "B"})
    tokens = SecurityTokens(giver.url)

    async def story() -> None:
        found = await identities.provider(Identity(), tokens, ROLE, "eu-west-3").get()
        assert found.access_key == "ASIAROLE"
        assert giver.seen[0][3]["RoleArn"] == ROLE and "/eu-west-3/sts/" in giver.seen[0][2]["authorization"]
        own = await identities.provider(Identity(), tokens, None, "eu-west-3").get()
        assert own == await identities.provider(Identity(roles=OWN), tokens, ROLE, "eu-west-3").get()
        assert own.access_key == "A"

    asyncio.run(story())
    again = identities.provider(Identity(), SecurityTokens(giver.url), ROLE, "eu-west-3")
    assert again is identities.provider(Identity(), tokens, ROLE, "eu-west-3")
    assert again.current() is not None and len(giver.seen) == 1


def test_a_role_knows_how_it_is_asked_for() -> None:
    assert Role(ROLE).session_name == "fastgw"
