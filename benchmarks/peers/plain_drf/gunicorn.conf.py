"""The gunicorn of plain DRF: one threaded worker an instance, as the shop has, with the threads that suit it."""

import os

bind = os.environ["PEER_BIND"]
worker_class = "gthread"
workers = 1
threads = 8
backlog = 2048
# Longer than nginx keeps an idle connection.
keepalive = 90
preload_app = True
worker_tmp_dir = "/dev/shm"
accesslog = None
loglevel = "warning"
control_socket_disable = True
