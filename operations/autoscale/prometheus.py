"""The signals, as Prometheus has them."""

import http.client
import json
import math
import ssl
from typing import Any
from urllib.parse import urlencode, urlsplit

from operations.autoscale.policy import Load
from operations.monitoring_access import authorization

TIMEOUT_S = 4.0
MAX_ANSWER_BYTES = 1 << 20

_IN_WORK, _WAITING, _CPU = (
    'evergreen_requests_in_work{job="api"}',
    'evergreen_requests_waiting{job="api"}',
    'evergreen_cpu_seconds_total{job="api"}',
)


class SignalMissing(Exception):
    """Prometheus does not answer, or has no recent measurement of any instance. The text says which."""


def query(window_s: float) -> str:
    """Return the query of all signals, each a sample with the label `signal`. Only samples of the last `window_s`
    seconds count; the rate of CPU time needs two of them, and takes twice as long."""
    window, double = f"{math.ceil(window_s)}s", f"{2 * math.ceil(window_s)}s"
    signals = {
        "instances": f"count(count_over_time({_WAITING}[{window}]))",
        "requests": f"sum(avg_over_time({_IN_WORK}[{window}]) + avg_over_time({_WAITING}[{window}]))",
        "cpu": f"sum(rate({_CPU}[{double}]))",
    }
    return " or ".join(f'label_replace({each}, "signal", "{name}", "", "")' for name, each in signals.items())


class Prometheus:
    """Asks one Prometheus by its HTTP API, with the password of the user `prometheus` where it is not empty."""

    def __init__(self, url: str, password: str, window_s: float) -> None:
        self._url = urlsplit(url)
        self._headers = {"Authorization": authorization(password)} if password else {}
        self._path = f"{self._url.path.rstrip('/')}/api/v1/query?{urlencode({'query': query(window_s)})}"

    def load(self) -> Load:
        """Return what the instances have to do.

        Raises:
            SignalMissing: Prometheus does not answer, or has no recent measurement.
        """
        return parse(self._ask())

    def _ask(self) -> bytes:
        connection = self._connection()
        try:
            connection.request("GET", self._path, headers=self._headers)
            response = connection.getresponse()
            body = response.read(MAX_ANSWER_BYTES)
        except (OSError, http.client.HTTPException) as error:
            raise SignalMissing(f"Prometheus does not answer ({type(error).__name__})") from error
        finally:
            connection.close()
        if response.status != http.client.OK:
            raise SignalMissing(f"Prometheus answers with status {response.status}")
        return body

    def _connection(self) -> http.client.HTTPConnection:
        host = self._url.hostname or ""
        if self._url.scheme == "https":
            context = ssl.create_default_context()
            return http.client.HTTPSConnection(host, self._url.port, timeout=TIMEOUT_S, context=context)
        return http.client.HTTPConnection(host, self._url.port, timeout=TIMEOUT_S)


def parse(answer: bytes) -> Load:
    """Return the load in an answer of Prometheus to the query.

    Raises:
        SignalMissing: it is no such answer, or no instance was measured.
    """
    try:
        result = json.loads(answer)["data"]["result"]
        values = {str(sample["metric"]["signal"]): _number(sample["value"][1]) for sample in result}
    except (ValueError, KeyError, TypeError, IndexError) as error:
        raise SignalMissing("Prometheus answers with something else than samples") from error
    if not values.get("instances") or "requests" not in values:
        raise SignalMissing("Prometheus has no recent measurement of an instance")
    return Load(instances=int(values["instances"]), requests=values["requests"], cpu_cores=values.get("cpu"))


def _number(text: Any) -> float:
    value = float(text)
    if not math.isfinite(value) or value < 0:
        raise ValueError
    return value
