"""A live rotation of the secret key: instances with the former and the new key side by side, on one store."""

from collections.abc import Iterator
from contextlib import closing
from uuid import uuid4

import orjson
import pytest
from django.conf import settings
from django.test import Client

from devstack.temporary import RunningStack
from shop import bootstrap
from shop.bootstrap import Configuration, Container

OLD, NEW = "the former secret key of this test " * 2, "the new secret key of this test " * 2
PERSON = {"email": "ada@example.com", "password": "a long walk home", "first_name": "Ada", "last_name": "Byron"}
SIGN_IN = {name: PERSON[name] for name in ("email", "password")}


class Instances:
    """Instances of one shop; `uses` makes the next requests reach the one with these secret keys."""

    def __init__(self, stack: RunningStack, monkeypatch: pytest.MonkeyPatch) -> None:
        self._layout, self._monkeypatch = stack.layout, monkeypatch
        self._store = f"test-{uuid4()}"
        self._containers: dict[tuple[str, ...], Container] = {}

    def uses(self, *keys: str) -> None:
        shop = self._container(keys).shop
        self._monkeypatch.setattr(settings, "SECRET_KEY", keys[0])
        self._monkeypatch.setattr(settings, "SECRET_KEY_FALLBACKS", [*keys[1:]])
        self._monkeypatch.setattr(bootstrap, "get_shop", lambda: shop)

    def close(self) -> None:
        for container in self._containers.values():
            container.close()

    def _container(self, keys: tuple[str, ...]) -> Container:
        if keys not in self._containers:
            configuration = Configuration(
                store=self._store,
                master_name=self._layout.settings.primary_name,
                sentinels=[(address.host, address.port) for address in self._layout.sentinels.values()],
                credentials=self._layout.secrets.credentials("api"),
                secret_key=keys[0],
                secret_key_fallbacks=keys[1:],
            )
            self._containers[keys] = Container(configuration)
        return self._containers[keys]


@pytest.fixture
def instances(redis_stack: RunningStack, monkeypatch: pytest.MonkeyPatch) -> Iterator[Instances]:
    monkeypatch.setattr(bootstrap, "is_cut_off", lambda: False)
    with closing(Instances(redis_stack, monkeypatch)) as instances:
        yield instances


def send(method: str, path: str, body: dict | None = None, **headers: str):
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Client().generic(
        method,
        f"/api/v1{path}",
        b"" if body is None else orjson.dumps(body),
        content_type="application/json",
        headers=named,
    )


def sign_in(request_id: str) -> str:
    response = send("POST", "/auth/token/", SIGN_IN, X_Request_ID=request_id)
    assert response.status_code == 200
    return response.json()["token"]


def test_a_rotation_signs_no_user_out_and_loses_no_idempotency_key(instances: Instances):
    instances.uses(OLD)
    registration = send("POST", "/users/", PERSON, Idempotency_Key="registration")
    token = sign_in("a" * 32)
    bearer = {"Authorization": f"Bearer {token}"}
    for keys in ((NEW, OLD), (OLD,), (NEW, OLD), (NEW,)):
        instances.uses(*keys)
        assert send("GET", "/users/me/", **bearer).status_code == 200
        again = send("POST", "/users/", PERSON, Idempotency_Key="registration")
        assert (again.status_code, again.content) == (201, registration.content)
        assert again.headers["Idempotent-Replayed"] == "true"


def test_a_sign_in_that_is_repeated_during_a_rotation_gets_the_same_token(instances: Instances):
    instances.uses(OLD)
    send("POST", "/users/", PERSON)
    before = sign_in("b" * 32)
    instances.uses(NEW, OLD)
    assert sign_in("b" * 32) == before
    during = sign_in("c" * 32)
    instances.uses(NEW)
    assert sign_in("c" * 32) == during
    assert send("POST", "/auth/token/", SIGN_IN, X_Request_ID="b" * 32).json()["code"] == "outcome-unknown"


def test_a_request_under_one_key_takes_effect_once_on_instances_of_both_keys(instances: Instances):
    instances.uses(OLD)
    send("POST", "/users/", PERSON)
    instances.uses(NEW, OLD)
    first = send("POST", "/users/", {**PERSON, "email": "eve@example.com"}, Idempotency_Key="during")
    instances.uses(OLD)
    second = send("POST", "/users/", {**PERSON, "email": "eve@example.com"}, Idempotency_Key="during")
    assert first.content == second.content
