import json

from agents import launch


def test_a_launcher_logs_in_the_form_of_all_other_processes(capfd):
    launch.log("nobody has more: leading")
    launch._WRITER.flush()
    line = json.loads(capfd.readouterr().out)
    assert line.pop("time").endswith("Z")
    assert line == {"level": "info", "event": "nobody has more: leading", "logger": "launcher"}
