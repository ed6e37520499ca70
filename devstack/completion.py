"""Completion of commands, verbs and process names in bash and zsh."""

from collections.abc import Iterable

#: Verbs of `stack` that take the name of a process.
NAMED_VERBS = ("logs", "restart", "kill")
SHELLS = ("bash", "zsh")
#: zsh completes by the functions of bash, once it is asked to.
_ZSH = "autoload -U +X compinit && compinit\nautoload -U +X bashcompinit && bashcompinit\n"
_BASH = """_evergreen() {{
  local first=${{COMP_WORDS[1]}} second=${{COMP_WORDS[2]}} words=""
  if [ "$COMP_CWORD" = 1 ]; then
    words="{commands}"
  elif [ "$first" = stack ] && [ "$COMP_CWORD" = 2 ]; then
    words="{verbs}"
  else
    [ "$first" != stack ] || first=$second
    case $first in {named}) words="{names}" ;; *) words="--help" ;; esac
  fi
  COMPREPLY=($(compgen -W "$words" -- "${{COMP_WORDS[COMP_CWORD]}}"))
}}
complete -o default -F _evergreen ./manage.py manage.py evergreen-stores
"""


def script(shell: str, commands: Iterable[str], verbs: Iterable[str], names: Iterable[str]) -> str:
    """The script that a shell evaluates to complete these words."""
    words = {"commands": commands, "verbs": verbs, "names": names}
    joined = {name: " ".join(each) for name, each in words.items()}
    return (_ZSH if shell == "zsh" else "") + _BASH.format(named=" | ".join(NAMED_VERBS), **joined)
