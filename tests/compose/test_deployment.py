"""What comes up, how it is closed in, and the API through it."""

import json
import uuid

import httpx
import pytest

from tests.compose.containers import NODES, SENTINELS, SHOP
from tests.stack_fixtures import wait_until

PASSWORD = "a long and winding road"
EMAIL = "admin@evergreen.example"


@pytest.fixture(scope="module")
def inspected(deployment):
    """What the engine knows of each container of the shop."""
    names = map(deployment.container, SHOP)
    return dict(zip(SHOP, json.loads(deployment.engine.docker("inspect", *names)), strict=True))


@pytest.fixture(scope="module")
def anybody(deployment):
    with httpx.Client(base_url=deployment.base_url, timeout=30) as client:
        yield client


@pytest.fixture(scope="module")
def administrator(deployment, anybody):
    """Who runs the shop: made by the command, in a container, as the documentation says."""
    words = ("create_staff", "--email", EMAIL, "--generate", "--json")
    account = json.loads(deployment.compose("exec", "-T", "api-1", "python", "manage.py", *words))
    answer = anybody.post("/api/v1/auth/token/", json={"email": EMAIL, "password": account["password"]})
    return {"Authorization": f"Bearer {answer.json()['token']}"}


def test_every_part_is_usable_and_the_store_is_whole(deployment, anybody):
    wait_until(lambda: deployment.health(*SHOP) == ["healthy"] * len(SHOP))
    assert anybody.get("/healthz").json() == {"status": "ok"}


def test_somebody_registers_signs_in_and_buys_once(anybody, administrator):
    email = f"{uuid.uuid4().hex}@example.com"
    person = {"email": email, "password": PASSWORD, "first_name": "Ada", "last_name": "Byron"}
    assert anybody.post("/api/v1/users/", json=person).status_code == 201
    token = anybody.post("/api/v1/auth/token/", json={"email": email, "password": PASSWORD}).json()["token"]
    product = {"sku": uuid.uuid4().hex, "name": "Green tea", "price": "4.20", "currency": "EUR", "stock": 10}
    made = anybody.post("/api/v1/products/", json=product, headers=administrator)
    order = {"items": [{"product": made.json()["id"], "quantity": 2}]}
    headers = {"Authorization": f"Bearer {token}", "Idempotency-Key": uuid.uuid4().hex}
    bought = [anybody.post("/api/v1/purchases/", json=order, headers=headers) for _ in range(3)]
    assert [answer.status_code for answer in bought] == [201] * 3
    assert len({answer.json()["id"] for answer in bought}) == 1
    assert anybody.get(f"/api/v1/products/{made.json()['id']}/").json()["stock"] == 8


@pytest.mark.parametrize(
    "path", ["/api/v1/", "/api/login/", "/api/docs/", "/api/redoc/", "/api/schema/", "/problems/not-found", "/livez"]
)
def test_what_is_beside_the_resources_is_there(anybody, path):
    assert anybody.get(path, headers={"Accept": "text/html, */*"}).status_code == 200


@pytest.mark.parametrize("path", ["/metrics", "/stub_status", "/.problem"])
def test_what_is_nobodys_business_is_not(anybody, path):
    answer = anybody.get(path)
    assert (answer.status_code, answer.json()["code"]) == (404, "not-found")


@pytest.mark.parametrize("service", SHOP)
def test_a_container_can_do_little_and_comes_back(inspected, service):
    host, config = inspected[service]["HostConfig"], inspected[service]["Config"]
    assert host["ReadonlyRootfs"]
    assert (host["CapDrop"], host["CapAdd"]) == (["ALL"], None)
    assert host["SecurityOpt"] == ["no-new-privileges:true"]
    assert config["User"] not in ("", "0", "root", "0:0")
    assert host["RestartPolicy"]["Name"] == "unless-stopped"
    assert host["Memory"] > 0
    assert {"max-size", "max-file"} <= set(host["LogConfig"]["Config"])


@pytest.mark.parametrize("service", SHOP)
def test_no_secret_stands_where_the_engine_shows_it(deployment, inspected, service):
    assert deployment.setting("SECRET_KEY") not in json.dumps(inspected[service])


def test_nginx_alone_is_published(inspected):
    published = {name: list(one["HostConfig"]["PortBindings"] or {}) for name, one in inspected.items()}
    assert published == {name: ["80/tcp"] if name == "nginx" else [] for name in SHOP}


def test_every_address_is_the_one_that_was_given_to_it(deployment, inspected):
    store, edge, monitoring = (f"{deployment.project}_{network}" for network in ("store", "edge", "monitoring"))
    addresses = {
        name: {network: int(one["IPAddress"].rpartition(".")[2]) for network, one in networks(seen).items()}
        for name, seen in inspected.items()
    }
    alone = dict(zip((*NODES, *SENTINELS), (11, 12, 13, 21, 22, 23), strict=True))
    assert addresses == {
        **{name: {store: number} for name, number in alone.items()},
        "api-1": {store: 31, edge: 71},
        "api-2": {store: 32, edge: 72},
        "worker-1": {store: 41, edge: 95, monitoring: 158},
        "worker-2": {store: 42, edge: 96, monitoring: 159},
        "nginx": {edge: 70},
    }


def networks(seen: dict) -> dict:
    return seen["NetworkSettings"]["Networks"]


@pytest.mark.parametrize(("port", "hosts"), [(6379, (11, 12, 13)), (26379, (21, 22, 23)), (8000, (31, 32))])
def test_nginx_reaches_neither_the_store_nor_an_instance_but_at_the_edge(deployment, port, hosts):
    prefix = deployment.layout.settings.network
    for host in hosts:
        assert not reaches(deployment, "nginx", f"{prefix}.{host}", port)
    assert all(reaches(deployment, "nginx", f"{prefix}.{host}", 8000) for host in (71, 72))


@pytest.mark.parametrize(("host", "port"), [(70, 80), (71, 8000), (31, 8000)])
def test_a_data_node_reaches_nothing_but_the_store(deployment, host, port):
    prefix = deployment.layout.settings.network
    assert reaches(deployment, "redis-1", f"{prefix}.12", 6379)
    assert not reaches(deployment, "redis-1", f"{prefix}.{host}", port)


def test_the_network_of_the_store_has_no_way_out(deployment):
    (network,) = json.loads(deployment.engine.docker("network", "inspect", f"{deployment.project}_store"))
    assert network["Internal"] is True


def reaches(deployment, service: str, host: str, port: int) -> bool:
    """Whether a connection from this container to this address is accepted."""
    words = ("exec", "-T", service, "timeout", "1", "bash", "-c", f"exec 3<>/dev/tcp/{host}/{port}")
    try:
        deployment.compose(*words)
    except AssertionError:
        return False
    return True


def test_each_node_has_a_volume_of_its_own(inspected):
    volumes = [mount["Name"] for one in inspected.values() for mount in one["Mounts"] if mount["Type"] == "volume"]
    assert len(volumes) == len(set(volumes)) == 6


def test_settings_that_will_not_do_are_named_before_anything_starts(deployment, tmp_path):
    secrets = tmp_path / "secrets"
    secrets.mkdir()
    secrets.joinpath("secret_key").write_text("weak")
    secrets.joinpath("secret_key_fallbacks").write_text("")
    secrets.joinpath("monitoring_password").write_text("")
    for name in ("shop_smtp_password", "stripe_key", "stripe_webhook_secret"):
        secrets.joinpath(name).write_text("")
    secrets.joinpath("redis_password_api").write_text("")
    secrets.joinpath("redis_password_cache").write_text("")
    environment = {**deployment.engine.environment, "EVERGREEN_LOCAL": str(tmp_path), "REDIS_SENTINEL": "nowhere"}
    with pytest.raises(AssertionError) as raised:
        type(deployment)(
            engine=type(deployment.engine)(environment=environment, settings={}),
            project=deployment.project,
            layout=deployment.layout,
            env_file=deployment.env_file,
        ).compose("run", "--rm", "settings")
    assert "SECRET_KEY cannot be used: it is too weak" in str(raised.value)
    assert "REDIS_SENTINEL is 'nowhere': give host:port" in str(raised.value)
