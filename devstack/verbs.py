"""The verbs of `manage.py stack`."""

#: By verb, what it does, in the order in which they are listed.
VERBS = {
    "run": "start everything, and stop it on Ctrl-C",
    "up": "start everything in the background, and return when it serves",
    "down": "stop everything, with all data saved",
    "status": "show what runs where",
    "logs": "show the end of the logs",
    "restart": "stop and start one process",
    "scale": "have more or fewer data nodes or Sentinels, while the shop serves",
    "kill": "end one process at once (SIGKILL)",
}
