"""The embedded stack as a deployment that the commands of operations can look at."""

import os
from collections.abc import Iterator, Sequence

from devstack import certificate_reload, doctor, lifecycle, settings, stack_record, supervision, tls
from devstack.layout import INSTANCES, NGINX, WORKERS, Layout
from operations.deployment import CertificateDirectory, DeploymentMisconfigured, LogDirectory, ProcessStatus
from operations.doctor.diagnosis import Diagnosis


class EmbeddedDeployment:
    """See `operations.deployment.Deployment`."""

    def __init__(self, layout: Layout) -> None:
        self._layout = layout

    def serving_processes(self) -> Sequence[ProcessStatus]:
        try:
            processes = lifecycle.processes(self._layout)
        except supervision.NotRunning:
            return ()
        return [process for process in processes if process.name in (*INSTANCES, *WORKERS, NGINX)]

    def diagnose(self) -> Iterator[Diagnosis]:
        return doctor.diagnose(self._layout)

    def log_directory(self) -> LogDirectory | None:
        upstreams = {f"unix:{self._layout.socket(name)}": name for name in INSTANCES}
        return LogDirectory(path=self._layout.logs, upstreams=upstreams) if self._layout.logs.is_dir() else None

    def certificates(self) -> CertificateDirectory:
        return CertificateDirectory(
            path=self._layout.certificates,
            subjects=tuple(tls.subjects(self._layout)),
            reload=lambda: certificate_reload.reload(self._layout),
        )


def find_deployment() -> EmbeddedDeployment:
    """The stack that the environment describes. Raises DeploymentMisconfigured."""
    try:
        return EmbeddedDeployment(stack_record.layout(os.environ))
    except settings.Misconfigured as error:
        raise DeploymentMisconfigured(str(error)) from error
