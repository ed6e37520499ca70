import pytest

from devstack.settings import ROOT, Misconfigured, Settings, read


def test_nothing_set_means_the_defaults(tmp_path):
    assert read({"EVERGREEN_RUN": str(tmp_path)}) == Settings(
        run=tmp_path, network="127.20.0", port=8080, catalogue_cache_s=1
    )


def test_the_data_directory_is_that_of_the_project_where_none_is_named():
    assert read({}).run == ROOT / ".run"


def test_everything_can_be_set(tmp_path):
    environ = {
        "EVERGREEN_RUN": str(tmp_path),
        "EVERGREEN_NETWORK": "127.30.1",
        "EVERGREEN_PORT": "9000",
        "EVERGREEN_REDIS_SERVER": "redis-server",
        "EVERGREEN_NGINX": "/usr/sbin/nginx",
        "EVERGREEN_STORE": "other",
        "REDIS_MASTER_NAME": "others",
        "EVERGREEN_DURABILITY": "fsynced",
        "EVERGREEN_CATALOGUE_CACHE_S": "0",
    }
    assert read(environ) == Settings(
        run=tmp_path,
        network="127.30.1",
        port=9000,
        server="redis-server",
        nginx="/usr/sbin/nginx",
        store="other",
        primary_name="others",
        durability="fsynced",
        catalogue_cache_s=0,
    )


def test_a_relative_run_directory_is_the_projects():
    assert read({"EVERGREEN_RUN": "other"}).run == ROOT / "other"


@pytest.mark.parametrize("environ", [{"EVERGREEN_PORT": "http"}, {"EVERGREEN_PORT": "0"}, {"EVERGREEN_PORT": "65536"}])
def test_a_port_that_is_none_is_named(environ):
    with pytest.raises(Misconfigured, match=r"^EVERGREEN_PORT is '.*': give a port number"):
        read(environ)


@pytest.mark.parametrize("network", ["127.20", "127.20.0.1", "localhost"])
def test_a_network_that_is_none_is_named(network):
    with pytest.raises(Misconfigured, match=f"^EVERGREEN_NETWORK is '{network}': give the start of an address"):
        read({"EVERGREEN_NETWORK": network})
